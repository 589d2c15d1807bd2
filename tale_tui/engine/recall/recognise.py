"""What of a message is worth keeping beyond its session: facts, preferences and decisions. Pure functions.

A sentence is kept that states something: no question, no request, no remark on what is going on. What a word does is
known from the lexicon of detection, in its languages; what is a decision or a preference, from the words below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tale_tui.domain.recall import RecallKind
from tale_tui.domain.text import clean_line
from tale_tui.engine.detect.lexicon import fold, lexicon, runs_on
from tale_tui.engine.recall.secrets import has_secret

ITEM_CHARACTERS = 400
"""Of an item, at most; a longer sentence is no fact that somebody stated."""
RESULT_CHARACTERS = 400
"""Of a task's result, so much is kept."""
SENTENCES_MAX = 12
"""Of a message: with more it is a text that was pasted, of which only what speaks of the user is kept."""
WORDS_MIN = 4
"""Fewer state nothing that anybody asks for later."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_QUOTED = re.compile(r"^[ \t]*(?:>|\||#|[-+@]{2,}).*$", re.MULTILINE)
_END = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+(?=\S)|(?<=[。！？])|\n+")
_ABBREVIATED = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|st|prof|hr|fr|nr|no|vs|etc|approx|ca|bzw|inkl|sig|sra?|mme|mlle|jan|feb|aug|sept?|oct|nov|dec)"
    r"|\b\w|\b(?:the|am|ab|bis|vom|zum|zur|seit|und|der|die|das|dem|den|des|im) \d{1,2})\.$",
    re.IGNORECASE,
)
"""What ends with a full stop and ends no sentence: titles, single letters, days of a month in German."""
_WORDS = re.compile(r"\w+(?:['’]\w+)*")
_QUESTION = re.compile(r"[?？]\s*[\"'”’)]*\s*$|(?:吗|呢)[。？?]?$")
_REMEMBER = re.compile(
    r"^(?:(?:please|bitte|por favor|s'il te plaît|per favore|请)\s*,?\s*)?"
    r"(?:(?:remember|note|keep in mind|don't forget)(?:,| that|:)*\s+(?!to\b|when\b|how\b|what\b)"
    r"|(?:merk(?:e)? dir|vergiss nicht)\s*[,:]?\s*(?:dass\s+)?"
    r"|(?:souviens-toi|n'oublie pas|retiens)\s+(?:que\s+)?|(?:recuerda|no olvides)\s+(?:que\s+)?"
    r"|(?:ricorda(?:ti)?|non dimenticare)\s+(?:che\s+)?|(?:记住|请记住)[，,：:]?\s*)",
    re.IGNORECASE,
)
"""What asks for the rest to be kept, which is a statement."""

_NAMING = (":", "=", "：")
"""A line that ends so states nothing by itself: it says what the next one is."""

_TITLE_ENDS = " .?!:;,。？！："
"""Signs that a title made of a whole sentence ends with, and that stand badly before what was found."""

# Folded, as `fold` leaves them.
_DECISION = re.compile(
    r"\b(?:decided|decision is|agreed|chose|have chosen|settled on|opted for|picked"
    r"|(?:lets|let us|ill|well|we|i) go with|going with|entschieden|beschlossen|geeinigt|haben .{1,60} gewahlt"
    r"|avons decide|ai decide|choisi|convenu|decidido"
    r"|decidimos|elegido|elegimos|acordado|quedamos en|deciso|scelto|concordato|combinamos|besloten|gekozen|resili"
    r"|решили|решил|договорились|выбрали)\b|决定|选定|选择了|商定"
)
_PREFERENCE = re.compile(
    r"\b(?:prefer|prefers|rather|favou?rite|like|dislike|love|hate|dont like|from now on|always|never|no more"
    r"|lieber|bevorzuge|mag|am liebsten|ab jetzt|kunftig|prefere|aime|deteste|desormais|dorenavant|prefiero|me gusta"
    r"|odio|a partir de ahora|preferisco|mi piace|dora in poi|prefiro|gosto de|предпочитаю|люблю|не люблю)\b"
    r"|喜欢|偏好|从现在起|以后都"
)
_STANDING_WISH = re.compile(
    r"^(?:please |bitte |merci de |por favor |per favore )?(?:from now on|always|never|dont|do not|ab jetzt|immer"
    r"|niemals|desormais|toujours|siempre|nunca|a partir de ahora|sempre|mai|dora in poi"
    r"|请?(?:从现在起|以后|总是|不要))"
    r"|\b(?:answer|reply|write|respond|talk|address|call) me\b|\bkeep to (?:that|this|it)\b|\bunless i ask\b"
    r"|\b(?:antworte|schreib) mir\b|\bque tu me tutoies\b|\bin mind\b|\bthat way\b"
)
"""A request that holds beyond the next answer."""

_OPENERS = frozenset({"GREET", "ACK", "PLEASE", "NOW", "THANKS"})
"""Classes of words before the sentence really begins."""
_ASKING = frozenset(
    {
        "MAKE", "CHANGE", "EXPLAIN", "SOLVE", "LIGHT", "DEVICE", "WHAT", "WHEN", "WHERE", "WHY", "HOW", "MANY", "CAN",
        "SHOULD", "DO", "BE", "WHO",
    }
)  # fmt: skip
"""Classes of words that begin questions and requests."""
_ORDER = re.compile(
    r"^(?:make|get|put|go|say|ask|use|hold|leave|read|let|check|try|work out|look|any|have you|has|add|fix"
    r"|wait|spell)\b"
)
"""What begins orders and questions besides, in English."""
_OWN = frozenset({"ME", "WE"})
_OWN_VERBS = re.compile(
    r"^(?:vivo|tengo|prefiero|trabajo|soy|estoy|quiero|hemos|somos|tenemos|he|ho|sono|abito|lavoro|preferisco|abbiamo|sto"
    r"|siamo|moro|tenho|trabalho|sou|temos)\b"
)
"""Verbs that say `I` or `we` without a word for it."""


_POINTING = re.compile(
    r"^(?:(?:i think|i guess|i believe|i mean|i meant|i suppose|i dont (?:know|think|get)|im not sure|this|that|these"
    r"|those|it|its|thats|das|dies\w*|es|ceci|cela|ca|cest|esto|eso|questo|quello|isto|isso)\b|这|那)"
)
"""It begins with a word for something that only stands in this conversation."""
_SPOKEN_TO = re.compile(r"\b(?:you|your|yours|youre|youve|dich|dir|dein\w*|vous|votre|vos|usted|ustedes)\b|你|您")
"""It speaks of the one who answers; words that mean something else in another language are left out."""
_MY = frozenset({"mi"})
"""Words that mean `my` in a language and ask for something in another: a question has its mark."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What was recognised."""

    text: str
    kind: RecallKind


def statements(text: str, *, own_only: bool = False) -> tuple[Statement, ...]:
    """What of a user's message is worth keeping.

    Args:
        text: the message.
        own_only: keep only what speaks of the user: what is to be done is described in statements too.
    """
    sentences = list(_sentences(text))
    asks = any(_asks(sentence) for sentence in sentences)
    own_only = own_only or asks or len(sentences) > SENTENCES_MAX
    found = []
    for before, sentence in zip(("", *sentences), sentences, strict=False):
        one = None if sentence.endswith(_NAMING) else _statement(sentence, own_only=own_only)
        # What a line names and the next one says is one thing: `The password is:` and what it is.
        named = f"{before} {sentence}" if before.endswith(_NAMING) else ""
        if one is not None and not has_secret(one.text) and not has_secret(named):
            found.append(one)
    return tuple(found)


def kind_of(text: str) -> RecallKind:
    """What a text is that the user wants remembered."""
    folded = fold(text)
    if _DECISION.search(folded):
        return RecallKind.DECISION
    if _PREFERENCE.search(folded) or _STANDING_WISH.search(folded):
        return RecallKind.PREFERENCE
    return RecallKind.FACT


def result_statement(title: str, result: str) -> str:
    """What is kept of a task: its title and the beginning of its result, without code; empty where that is nothing."""
    words = clean_line(_CODE.sub(" ", result).replace("#", " ").replace("*", " "), RESULT_CHARACTERS)
    found = f"{clean_line(title).rstrip(_TITLE_ENDS)}: {words}" if words.strip() else ""
    return "" if has_secret(found) else found


def _sentences(text: str) -> Iterator[str]:
    """The sentences of what the user wrote himself: no code, nothing quoted."""
    plain = _QUOTED.sub("", _CODE.sub(" ", text))
    begin = 0
    for end in _END.finditer(plain):
        before = plain[begin : end.start()].rstrip()
        if "\n" not in end[0] and _ABBREVIATED.search(before):
            continue
        if sentence := clean_line(plain[begin : end.end()], ITEM_CHARACTERS + 1).strip():
            yield sentence
        begin = end.end()
    if sentence := clean_line(plain[begin:], ITEM_CHARACTERS + 1).strip():
        yield sentence


def _statement(sentence: str, *, own_only: bool) -> Statement | None:
    said = _REMEMBER.sub("", sentence)
    wanted = said != sentence
    said = said[:1].upper() + said[1:] if wanted else said
    if len(said) > ITEM_CHARACTERS or _QUESTION.search(said):
        return None
    folded, classes = fold(said), _classes(said)
    if len(classes) < WORDS_MIN:
        return None
    kind = kind_of(said)
    if wanted or _STANDING_WISH.search(folded):
        return Statement(said, kind if wanted else RecallKind.PREFERENCE)
    if _asks(said) or _is_remark(folded, classes):
        return None
    is_own = not _OWN.isdisjoint(classes) or _OWN_VERBS.search(folded) is not None
    return Statement(said, kind) if is_own or not own_only else None


def _asks(sentence: str) -> bool:
    """Whether it is a question or a request."""
    if _QUESTION.search(sentence):
        return True
    if _STANDING_WISH.search(fold(sentence)):
        return False
    first = next((name for name in _classes(sentence) if name not in _OPENERS), "")
    return first in _ASKING or _ORDER.search(fold(sentence)) is not None


def _is_remark(folded: str, classes: list[str]) -> bool:
    """Whether it is about what goes on now: an error, a wish of this moment, what the other one said."""
    if "ERR" in classes or _POINTING.search(folded) or _SPOKEN_TO.search(folded):
        return True
    return classes[0] == "ME" and "NEED" in classes[:3] and "ART" in classes


def _classes(sentence: str) -> list[str]:
    """What each word does; empty for one that the lexicon does not know."""
    known, found = lexicon(), []
    for word in _WORDS.findall(fold(sentence)):
        parts = known.split(word) if runs_on(word) else [word]
        found += ["ME" if part in _MY else known.class_of(part) for part in parts]
    return found
