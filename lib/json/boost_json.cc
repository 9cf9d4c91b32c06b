// Boost.JSON's compiled part: once in the program.
#include <boost/json/src.hpp>
