"""Every text of the console is in both catalogues, is used, is translated, and none is written into a component; its types fit the API."""

import json
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The same in Spanish and English: names, abbreviations, words that both languages have.
SAME = {"domain_keys.dns", "domain_keys.selector", "nav.webhooks", "plan.of", "plan.plan", "webhook.title", "language.es", "language.en", "security.starttls"}
SAME_STEMS = ("tool.",)
PLURAL = re.compile(r"\.(one|other)$")


def catalogue(language: str) -> dict[str, str]:
    def unique(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"{language}.json has a key twice"
        return dict(pairs)

    return json.loads((ROOT / f"web/src/messages/{language}.json").read_text(), object_pairs_hook=unique)


class Texts(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.spanish, cls.english = catalogue("es"), catalogue("en")
        done = subprocess.run(["node", str(ROOT / "tests/console/texts.mjs")], capture_output=True, text=True, check=True, timeout=60)
        said = json.loads(done.stdout)
        cls.keys, cls.stems, cls.bare = set(said["keys"]), set(said["stems"]), said["bare"]

    def test_both_languages_say_the_same_things(self) -> None:
        self.assertEqual(sorted(self.spanish), sorted(self.english))

    def test_every_text_is_there_and_not_empty(self) -> None:
        beginnings = {key.split(".")[0] for key in self.english}
        known = set(self.english) | {PLURAL.sub("", key) for key in self.english} | {key.rsplit(".", 1)[0] for key in self.english}
        missing = {key for key in self.keys if key.split(".")[0] in beginnings and key not in known}
        self.assertEqual(missing, set())
        for language in (self.spanish, self.english):
            self.assertEqual([key for key, text in language.items() if not text.strip()], [])

    def test_every_text_is_used(self) -> None:
        unused = [key for key in self.english
                  if key not in self.keys and PLURAL.sub("", key) not in self.keys
                  and not any(key.startswith(stem) for stem in self.stems)]
        self.assertEqual(unused, [])

    def test_every_text_is_translated(self) -> None:
        same = {key for key, text in self.english.items() if text == self.spanish.get(key) and not key.startswith(SAME_STEMS)}
        self.assertEqual(same - SAME, set(), "translate it, or name it as the same in both")
        self.assertEqual(SAME - same, set(), "is named as the same, and is not")

    def test_every_text_takes_the_same_values(self) -> None:
        def values(text: str) -> list[str]:
            return sorted(re.findall(r"\{(\w+)\}", text))

        self.assertEqual([key for key in self.english if values(self.english[key]) != values(self.spanish[key])], [])

    def test_every_plural_has_its_forms(self) -> None:
        for language in (self.spanish, self.english):
            stems = {PLURAL.sub("", key) for key in language if PLURAL.search(key)}
            self.assertEqual([stem for stem in stems if not {f"{stem}.one", f"{stem}.other"} <= set(language)], [])

    def test_no_text_is_written_into_a_component(self) -> None:
        self.assertEqual(self.bare, [])

    def test_nothing_goes_past_the_escaping(self) -> None:   # security row E2
        for path in (ROOT / "web/src").rglob("*.svelte"):
            text = path.read_text()
            self.assertNotIn("{@html", text, path)
            self.assertNotRegex(text, r"\sstyle=", f"{path}: the page's rules allow no inline style")


class Types(unittest.TestCase):
    def test_the_console_fits_the_description_of_the_api(self) -> None:
        done = subprocess.run(["npm", "run", "-s", "check"], cwd=ROOT / "web", capture_output=True, text=True, timeout=180)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
