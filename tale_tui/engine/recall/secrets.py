"""Keys, tokens, passwords, and numbers of cards and accounts, which are never remembered. Pure functions.

In doubt something is one: a sentence that is not kept can be said again, a key that was kept is in a prompt one day.
"""

from __future__ import annotations

import math
import re
from collections import Counter

REFUSED = "There was a key, a password, or a card or account number in it: not remembered."
"""What the user is told."""

_WORD_CHARACTERS = 24
"""A run of letters and digits that is as long and as mixed as a key is one."""
_ENTROPY_BITS = 3.6
"""Of a key a character, at least: words of languages have less at this length."""

# What gives tokens away by itself: how those who hand them out begin them.
_MARKED = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(?:sk|rk|pk)[-_](?:live|test|proj|ant|or)?[-_]?[A-Za-z0-9_-]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bhf_[A-Za-z0-9]{16,}"
    r"|\bnpm_[A-Za-z0-9]{16,}|\bpypi-[\w-]{16,}|\bxox[abeoprs]-[\w-]{8,}|\bAIza[\w-]{20,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bAGE-SECRET-KEY-\w+|\bya29\.[\w-]{16,}|\bSG\.[\w-]{16,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}"
    r"|\b[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@"
    r"|[?&](?:\w*(?:key|token|secret|password|passwd|pwd|sig|signature))=[^\s&]+"
    r"|hooks\.slack\.com/services/\S+|discord(?:app)?\.com/api/webhooks/\S+|\b\d{8,10}:[\w-]{30,}"
    r"|\b(?:bearer|basic)\s+[\w+/=.-]{12,}"
    r"|\s(?:-u|--user)[ =]\S+:\S+|\s(?:-p(?!\d+\b)[^\s-]\S{3,}|--password[ =]\S+)",
    re.IGNORECASE,
)
_NAMES = (
    r"(?:(?<![a-z])(?:pass[ -]?(?:word|phrase|code)|pass(?=\s*[:=])|pwd?|passwd|pin(?:[ -]?(?:code|nummer|number))?"
    r"|(?:api|account|access|auth|secret|private|session|refresh|bearer|client|encryption|license|recovery)"
    r"[ _-]?(?:access[ _-]?)?(?:key|token|secret|code)|secret|token|credentials|logins?"
    r"|(?:door|security|gate|alarm|safe|backup)[ _-]?codes?|(?:seed|recovery)[ _-]?(?:phrase|words)|mnemonic)(?![a-z])"
    r"|password|passwort|kennwort|schlüsselwort|zugangscode|geheimzahl|mot de passe|code secret|contraseña"
    r"|clave secreta|(?<!\w)clave(?= (?:de|del) (?:la |mi |el )?(?:wifi|red|cuenta|banco|correo))|parola d'ordine|senha"
    r"|wachtwoord|hasło|пароль|パスワード|暗証番号|비밀번호|密码|口令|密钥)"
    r"(?!\s+(?:managers?|polic\w+|rotation|reset|bucket|counts?|budgets?|limits?|lifetimes?|page|screen|form|flow|button"
    r"|fields?|length|santa|on the map|stor(?:e|age)))"
)
"""Words for a secret; what manages them is none."""
_SAID = (
    r"(?:\s(?:is|was|are|ist|lautet|war|est|es|è|é|to|as|be|equals|means|reads)\s|['’]s\s|[:=]|->|→|\sc['’]est\s"
    r"|是|为|は|는|은)\s*\S"
)
"""Words between a secret's name and what it is."""
# A word for a secret, and what it is; or a word for one, and right behind it something with a digit in it; or what it
# is, and behind that the word for it.
_NAMED = re.compile(
    rf"{_NAMES}(?:[^\n.;]{{0,80}}?{_SAID}|['’\"\s]+\S*\d\S*)"
    rf"|\S(?:\s+(?:is|was|as|ist|als|est|es))(?:\s+(?:my|our|the|a|an|mein|unser|das|mon|notre|le|mi|nuestra|la)){{1,2}}"
    rf"(?:\s+\w+){{0,2}}?\s+{_NAMES}",
    re.IGNORECASE,
)
# What opens something, where it is followed by what looks like no word: a number, or letters and digits mixed.
_OPENS = re.compile(
    r"(?<![a-z])(?:wi-?fi|wlan|wpa\d?|vpn|ssh|door|safe|vault|two-factor|2fa|otp|seed|lock|alarm|master|root|admin)"
    r"(?:['’]s)?[ -]?(?:\w+ )?(?:key|code|combination|login|schlüssel|seed|is|phrase)\b[^\n.;]{0,40}?"
    r"(?:\s(?:is|was|are|ist|lautet|war|equals)\s|[:=]|['’]s\s)\s*\S"
    r"|(?<![a-z])(?:key|code|combination|schlüssel)\s+(?:of|to|for|vom|zum|für)\s+(?:the|my|our|den|das|die|meine[nm]?)\s+"
    r"\w+\s*(?:is|was|ist|lautet|[:=])\s*\S*\d"
    r"|(?<![a-z])log(?:ged)?\s?in\s+(?:with|as)\s+\S+\s+(?:and|/|,)\s+\S*\d\S*"
    r"|(?<![a-z])use\s+\S*\d\S*\s+(?:as|for)\s+(?:\w+\s+){1,3}(?:login|key|code)\b"
    r"|(?<![a-z])seed\s+(?:is|was|:)\s*(?:[a-z]+\s+){7,}[a-z]+"
    r"|(?<![a-z])(?:api |the |secret |our |my )key\s+(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\b",
    re.IGNORECASE,
)
_RUN = re.compile(rf"(?<![\w/])[A-Za-z0-9+/_=-]{{{_WORD_CHARACTERS},}}")
_LONG_PART = re.compile(r"[A-Za-z0-9+=]{12,}")
"""Between the signs that join words in names of files: in a key letters and digits stand mixed."""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A random id of the common form (UUID), which many services take for a key."""
_CARD = re.compile(r"(?<!\d)(?<!\d[.,])[2-9](?:\d{12,18}|\d{3}(?:[ -]\d{4,6}){2,3}(?:[ -]\d{1,4})?)(?!\d)")
"""What may be the number of a card: 13 to 19 digits in one, or in groups. With a 1 begin times in milliseconds."""
_CARD_DIGITS = range(13, 20)
_ACCOUNT = re.compile(
    r"\b[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?:[ -][A-Z0-9]{4}){2,7}(?:[ -][A-Z0-9]{1,3})?)\b", re.IGNORECASE
)
"""What may be the number of an account (IBAN): a country, two digits that check it, the rest in one or in fours."""
_ACCOUNT_DIGITS = 10
"""Of an account, at least; a sentence that begins like one has fewer."""


def has_secret(text: str) -> bool:
    """Whether there is a key, a token, a password, or the number of a card or an account in a text."""
    return bool(
        _MARKED.search(text)
        or _NAMED.search(text)
        or _OPENS.search(text)
        or _ID.search(text)
        or any(map(_is_key, _RUN.findall(text)))
        or any(map(_is_card, _CARD.findall(text)))
        or any(map(_is_account, _ACCOUNT.findall(text)))
    )


def _is_key(run: str) -> bool:
    """Whether a long run of letters and digits is no word and no path."""
    kinds = sum(map(bool, (re.search("[a-z]", run), re.search("[A-Z]", run), re.search("[0-9]", run))))
    if re.fullmatch("[0-9a-fA-F]+", run) is not None:
        return kinds > 1
    mixed = any(re.search("[0-9]", part) and re.search("[A-Za-z]", part) for part in _LONG_PART.findall(run))
    return mixed and _bits(run) >= _ENTROPY_BITS


def _bits(run: str) -> float:
    """Entropy of a run a character, by how often each comes."""
    length = len(run)
    return -sum(count / length * math.log2(count / length) for count in Counter(run).values())


def _is_card(run: str) -> bool:
    """Whether the last digit of a number checks the others, by the rule of cards (Luhn)."""
    digits = [int(sign) for sign in reversed(run) if sign.isdigit()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(digits) in _CARD_DIGITS and (sum(digits[::2]) + doubled) % 10 == 0


def _is_account(run: str) -> bool:
    """Whether it, or its beginning up to a gap, is what its two digits check (modulo 97); words may follow it."""
    parts = re.split("[ -]", run)
    return any(_checks("".join(parts[:count])) for count in range(1, len(parts) + 1))


def _checks(account: str) -> bool:
    if sum(map(str.isdigit, account)) < _ACCOUNT_DIGITS:
        return False
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 == 1
