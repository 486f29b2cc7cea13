"""The sieve: whether a prompt asks for what nobody may be shown as.

A first sieve only: words can always be found that it does not know. What is drawn is judged again.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from instantid_server.errors import RefusedPolicy
from instantid_server.trust.policy import PromptPolicy
from instantid_server.trust.sieve.readings import readings
from instantid_server.trust.sieve.words import OwnWords, Words

_MINORS_SEXUAL = "minors_sexual"
_UNDRESS = "undress"


class PromptSieve:
    """Reads both prompts of a request. Any thread may ask."""

    def __init__(self, words: Words | None, own: OwnWords | None = None) -> None:
        """Without words, everything passes; `own` are an operator's."""
        self._words = words
        self._own = own

    @classmethod
    def load(cls, policy: PromptPolicy) -> "PromptSieve":
        """Return the sieve of a policy; raises WordsError for an operator's page that is none."""
        own = OwnWords.read(Path(policy.words)) if policy.words else None
        return cls(Words.shipped() if policy.sieve else None, own)

    def check(self, prompt: str, negative_prompt: str) -> None:
        """Raise RefusedPolicy, whose reason is the category alone, never the word."""
        category = self._category(prompt, negative_prompt)
        if category is not None:
            raise RefusedPolicy(reason=f"prompt:{category}")

    def _category(self, prompt: str, negative_prompt: str) -> str | None:
        texts = readings(prompt)
        if self._words is not None:
            found = _shipped_category(self._words, texts, readings(negative_prompt))
            if found is not None:
                return found
        own = self._own.refused.items() if self._own is not None else ()
        return next((name for name, pattern in own if _any(pattern, texts)), None)


def _shipped_category(
    words: Words, literally: Sequence[str], negative: Sequence[str]
) -> str | None:
    texts = [words.innocent.sub(" ", text) for text in literally]
    found = next((name for name, pattern in words.refused.items() if _any(pattern, texts)), None)
    if found is None and _any(words.undress_negative, negative):
        found = _UNDRESS
    if found is not None or _any(words.suggestive, texts):
        young = words.young.search(texts[0]) is not None  # digits of an age are no disguise
        if young or _any(words.minors, texts) or _any(words.minors_negative, negative):
            return _MINORS_SEXUAL
    return found


def _any(pattern: re.Pattern[str], texts: Iterable[str]) -> bool:
    return any(pattern.search(text) for text in texts)
