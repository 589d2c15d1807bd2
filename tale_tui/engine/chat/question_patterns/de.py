"""Questions about tasks in German."""

from __future__ import annotations

from tale_tui.engine.chat.question_patterns.language import LanguagePatterns

_TASK = (
    r"(?:(?:mein|dein|die|der|das|den|dem|diese)(?:e[rnm]?|r|n|m)? )?(?:letzten? |laufenden? )?(?:aufgabe|auftrag|task)"
)
_TASKS = r"(?:alle )?(?:meine |die )?(?:offenen |laufenden )?(?:aufgaben|auftrage|tasks)"
_DECIDED = r"(?:entschieden|beschlossen|vereinbart|ausgemacht)"
GERMAN = LanguagePatterns(
    status=(
        rf"wie (?:lauft|steht) {_TASK}",
        rf"wie (?:geht|steht) es (?:mit|um) {_TASK}",
        rf"wie weit (?:ist|bist du mit) {_TASK}",
        rf"(?:(?:was|wie) ist )?(?:der |den )?(?:status|stand) (?:von |bei |zu )?{_TASK}",
        rf"ist {_TASK} (?:schon |jetzt |bald |endlich |noch nicht )*(?:fertig|erledigt|durch)",
        rf"(?:lauft|hangt) {_TASK}(?: noch| schon| gerade)*",
        rf"wann ist {_TASK} (?:endlich )?(?:fertig|erledigt)",
        rf"wie lange (?:dauert|braucht) {_TASK}(?: noch)?",
        rf"(?:was macht|wo bleibt) {_TASK}",
    ),
    pointing=(
        r"(?:bist du|ist (?:es|das)) (?:schon |jetzt |bald |endlich )*(?:fertig|erledigt)",
        r"wie lange (?:dauert (?:es|das)|brauchst du) noch",
        r"wie weit bist du(?: damit| schon)?",
        r"(?:schon )?fertig|wie ist der stand|stand",
    ),
    every=(
        r"(?:was fur|welche) (?:aufgaben|tasks) (?:laufen|sind offen|habe ich|gibt es)(?: gerade| noch| jetzt)?",
        rf"(?:zeig|zeige|liste)(?: mir)? {_TASKS}(?: auf| an)?",
        rf"wie (?:laufen|stehen) {_TASKS}",
    ),
    last=(
        r"(?:was|wie) (?:war|lautete) meine letzte (?:anfrage|frage|nachricht|bitte)",
        r"was habe? ich (?:dich |dir )?(?:zuletzt|gerade|eben|vorhin) (?:gefragt|gebeten|geschrieben|gesagt)",
    ),
    last_task=(r"(?:was|wie) (?:war|lautete) (?:meine letzte aufgabe|mein letzter auftrag)",),
    cancel=(
        rf"(?:brich|breche) (?:bitte )?{_TASK} (?:bitte )?ab|(?:stopp|stoppe|storniere|beende) {_TASK}",
        rf"{_TASK} (?:abbrechen|stoppen|stornieren)",
    ),
    cancel_it=(r"(?:brich|breche) (?:das|es) (?:bitte )?ab|(?:das )?abbrechen|(?:stopp|stoppe) (?:das|es)",),
    cancel_all=(rf"(?:brich|breche) (?:alles|{_TASKS}) ab|(?:alles|{_TASKS}) (?:abbrechen|stoppen)",),
    before=r"bitte|hallo|hey|sag mir",
    after=r"bitte|gerade|eigentlich|danke",
    decided=(
        rf"was (?:haben wir|habe? ich|hatten wir) .+ {_DECIDED}",
        rf"was (?:wurde|ist) .+ {_DECIDED}(?: worden)?",
        r"(?:wofur|wogegen|wie) (?:haben wir uns|hatten wir uns|habe? ich mich) .+ entschieden",
    ),
)
