"""Words of the synthetic passages: lists of ordinary words and made-up pronounceable ones."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence

HELD_OUT_SHARE = 8
"""One word in this many, chosen by hash, is kept for evaluation."""


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = _words(
    "Ada Alan Grace Linus Maria Yuki Omar Ines Paul Nora Ivan Lena Hugo Sara Tom Aisha Carla "
    "Dmitri Elena Farid Gita Hans Isla Jonas Kofi Luca Mina Nils Olga Pedro Rosa Sven Tara Uma "
    "Viktor Wei Yara Zane Anna Ben Chloe David Emma Felix Greta Henry Irene Jack Karen Leo Mary "
    "Noah Oscar Peter Quinn Ruth Simon Theo Ursula Vera Walter Zoe Amir Bruno Clara Dora Eric "
    "Fiona George Helen Ian Julia Kevin Laura Mark Nina Oliver Petra Ravi Sofia Tim Wendy José "
    "Zoë Søren Chloé Jürgen Samuel Priya Kenji Fatima Lucy Martin Alice Robert Susan James "
    "Linda"
)
SURNAMES = _words(
    "Smith Jones Brown Taylor Miller Davis Garcia Wilson Moore Martin Lee Clark Lewis Walker "
    "Hall Young King Wright Hill Green Baker Adams Nelson Carter Mitchell Roberts Turner "
    "Phillips Evans Parker Edwards Collins Stewart Morris Rogers Reed Cook Bell Murphy Bailey "
    "Cooper Cox Ward Müller Schmidt Weber Novak Rossi Silva Santos Tanaka Sato Kim Park Chen "
    "Wang Singh Patel Khan"
)
CITIES = _words(
    "London Paris Berlin Tokyo Lagos Lima Oslo Cairo Quito Delhi Rome Madrid Vienna Prague "
    "Dublin Boston Chicago Seattle Denver Austin Toronto Sydney Mumbai Nairobi Lisbon Athens "
    "Warsaw Kyoto Geneva Zürich Munich Hamburg Lyon Porto Helsinki Stockholm Riga Istanbul "
    "Dubai Bangkok Hanoi"
)
THINGS = _words(
    "lamp chair table desk bicycle kettle clock mirror basket blanket pillow jacket shirt scarf "
    "hat boots shoes gloves backpack suitcase umbrella wallet watch camera phone tablet laptop "
    "keyboard mouse monitor printer speaker headphones charger cable battery drill hammer saw "
    "ladder bucket shovel rake pot pan knife spoon plate bowl cup mug glass bottle jar candle "
    "vase rug curtain notebook pencil pen eraser stapler folder envelope poster puzzle kite "
    "ball racket tent stove"
)
QUALITIES = _words(
    "small large wooden steel folding portable electric cotton leather wireless vintage modern "
    "heavy light round square garden kitchen travel plastic ceramic woollen digital compact"
)
FOODS = _words(
    "flour sugar butter eggs milk salt rice beans lentils tomatoes onions garlic carrots "
    "potatoes basil thyme pepper cheese cream yeast honey lemons apples pears almonds walnuts "
    "spinach mushrooms pasta chicken salmon tofu ginger cumin paprika oats yogurt raisins"
)
DISHES = _words("soup stew salad pie cake bread curry risotto pancakes omelette casserole pudding")
TOPICS = _words(
    "budget hiring marketing security design testing planning roadmap training sales logistics "
    "safety research travel payroll strategy onboarding quality pricing support"
)
JOBS = _words(
    "engineer teacher nurse baker painter lawyer plumber chemist pilot farmer editor designer "
    "analyst accountant electrician librarian translator mechanic carpenter architect chef "
    "programmer manager photographer gardener"
)
SKILLS = _words(
    "Python Java SQL Excel welding cooking drawing editing German French Spanish English "
    "driving negotiation statistics photography accounting gardening writing sewing Linux Rust"
)
GENRES = _words("novel memoir thriller comedy poem play biography")
COLOURS = _words("red blue green black white yellow grey brown orange purple")
SIZES = _words("small medium large")
WEEKDAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _words(
    "January February March April May June July August September October November December"
)
STREETS = _words("Street Road Avenue Lane Way Court Drive Square")
COMPANY_KINDS = _words("Ltd Inc Group Labs Systems Partners Foods Works Media")
DOMAIN_ENDS = _words("com org net io de uk example")

_ONSETS = _words(
    "b c d f g h j k l m n p r s t v w z br cr dr fr gr pr tr bl cl fl gl pl sl st sp sh ch th"
)
_VOWELS = _words("a e i o u a e i o a e o ai ea ee ou ia")
_CODAS = _words("n r l s t m d k nd rt ld nt st ck ng x")
_ENDINGS = _words("son ton ford ley ham wood berg stein feld ski ova ini ez dale field well")


def is_held_out(word: str) -> bool:
    """Tell whether ``word`` is kept for evaluation (a hash of its lower-case form)."""
    return zlib.crc32(word.lower().encode()) % HELD_OUT_SHARE == 0


class Source:
    """A seeded source of words.

    ``new_values`` turns the vocabulary around: only held-out words are produced, so that an
    evaluation sees values that training never showed.  ``new_keys`` does so for key names.
    """

    def __init__(
        self, rng: random.Random, *, new_values: bool = False, new_keys: bool = False
    ) -> None:
        self.rng = rng
        self.new_values = new_values
        self.new_keys = new_keys

    def pick(self, words: Sequence[str]) -> str:
        """Choose a word on the right side of the hold-out; any word if there is none."""
        for _ in range(60):
            word = self.rng.choice(words)
            if is_held_out(word) == self.new_values:
                return word
        return self.rng.choice(words)

    def made_up(self) -> str:
        """Return a lower-case pronounceable word of two or three syllables."""
        rng = self.rng
        while True:
            word = rng.choice(_ONSETS) + rng.choice(_VOWELS)
            for _ in range(rng.choice((1, 1, 1, 2))):
                word += rng.choice(_CODAS[:8]) if rng.random() < 0.25 else ""
                word += rng.choice(_ONSETS) + rng.choice(_VOWELS)
            if rng.random() < 0.5:
                word += rng.choice(_CODAS)
            if 4 <= len(word) <= 9 and is_held_out(word) == self.new_values:
                return word

    def surname(self) -> str:
        """Return an ordinary or a made-up family name."""
        rng = self.rng
        if rng.random() < 0.25:
            return self.pick(SURNAMES)
        while True:
            word = rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS[:8])
            word = self.made_up() if rng.random() < 0.6 else word + rng.choice(_ENDINGS)
            if is_held_out(word) == self.new_values:
                return word.capitalize()

    def first_name(self) -> str:
        """Return an ordinary or, now and then, a made-up given name."""
        if self.rng.random() < 0.75:
            return self.pick(FIRST_NAMES)
        return self.made_up().capitalize()

    def city(self) -> str:
        """Return an ordinary or a made-up place name."""
        rng = self.rng
        if rng.random() < 0.35:
            return self.pick(CITIES)
        name = self.made_up().capitalize()
        return (
            f"{rng.choice(('New', 'Port', 'North', 'San'))} {name}" if rng.random() < 0.1 else name
        )
