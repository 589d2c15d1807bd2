"""Questions about tasks in Italian."""

from __future__ import annotations

from tale_tui.engine.chat.question_patterns.language import LanguagePatterns

_TASK = r"(?:il mio |la mia |il |questo |questa |l )(?:ultim[ao] )?(?:compito|attivita|task)(?: in corso)?"
_TASKS = r"(?:tutt[ie] )?(?:i miei |le mie |i |le )(?:compiti|attivita|task)(?: apert[ie]| in corso)?"
ITALIAN = LanguagePatterns(
    status=(
        rf"(?:come (?:va|procede|sta andando)|a che punto e) {_TASK}",
        rf"{_TASK} (?:e (?:gia )?(?:pront[oa]|finit[oa]|terminat[oa])|a che punto e)",
        rf"e (?:gia )?(?:pront[oa]|finit[oa]|terminat[oa]) {_TASK}",
        r"(?:qual e )?(?:lo )?stato (?:del(?: mio)? |della(?: mia)? |dell )(?:compito|attivita|task)",
        rf"quanto manca a(?:l|lla)? {_TASK}|quando (?:finisce|sara pront[oa]) {_TASK}",
    ),
    pointing=(r"hai (?:gia )?finito|e (?:gia )?pronto|a che punto sei|quanto manca(?: ancora)?",),
    every=(
        r"(?:quali|che) (?:compiti|attivita|task) (?:ci sono|ho|sono (?:apert[ie]|in corso))",
        rf"(?:mostra|mostrami|elenca) {_TASKS}",
        rf"come (?:vanno|procedono) {_TASKS}",
    ),
    last=(
        r"qual (?:era|e stata) la mia ultima (?:richiesta|domanda)",
        r"(?:che )?cosa ti ho chiesto(?: prima| per ultimo| poco fa)?",
    ),
    last_task=(r"qual (?:era|e stat[oa]) (?:il mio ultimo compito|la mia ultima attivita)",),
    cancel=(rf"(?:annulla|ferma|interrompi|cancella) {_TASK}",),
    cancel_it=(r"(?:annulla|ferma|interrompi) (?:questo|quello|tutto questo)|annullalo|fermalo|annulla",),
    cancel_all=(rf"(?:annulla|ferma|interrompi) (?:tutto|{_TASKS})",),
    before=r"ciao|per favore|dimmi",
    after=r"per favore|grazie|adesso",
    decided=(r"(?:che )?cosa (?:abbiamo|avevamo) (?:deciso|concordato) .+",),
)
