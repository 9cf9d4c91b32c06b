// Objects of C libraries as values.
#pragma once

#include <memory>

namespace relevo {

template <auto release>
struct Release {
    template <class T>
    void operator()(T* object) const {
        release(object);
    }
};

// `release` frees a T, such as EVP_PKEY_free.
template <class T, auto release>
using Owned = std::unique_ptr<T, Release<release>>;

}  // namespace relevo
