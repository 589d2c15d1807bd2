"""Questions about tasks in Spanish."""

from __future__ import annotations

from tale_tui.engine.chat.question_patterns.language import LanguagePatterns

_TASK = r"(?:mi |la |esta |tu |esa )(?:ultima )?tarea(?: actual| en curso)?"
_TASKS = r"(?:todas )?(?:mis |las )tareas(?: abiertas| en curso| pendientes)?"
SPANISH = LanguagePatterns(
    status=(
        rf"(?:como|que tal) (?:va|esta|sigue|avanza) {_TASK}",
        rf"(?:esta|sigue) (?:ya )?(?:lista|terminada|hecha|acabada) {_TASK}",
        rf"{_TASK} (?:ya )?esta (?:ya )?(?:lista|terminada|hecha|acabada)",
        rf"(?:ya )?(?:termino|acabo|ha terminado|ha acabado) (?:ya )?{_TASK}",
        rf"cual es el estado de {_TASK}|(?:el )?estado de {_TASK}",
        rf"cuanto (?:le )?(?:falta|queda|tarda)(?: a| para)? {_TASK}",
        rf"cuando (?:termina|acaba|estara lista) {_TASK}",
        rf"que hace {_TASK}",
    ),
    pointing=(
        r"(?:ya )?(?:has terminado|terminaste|acabaste|esta listo|esta hecho)(?: ya)?",
        r"cuanto (?:falta|queda|tarda)(?: todavia)?|como vas(?: con eso)?",
    ),
    every=(
        r"(?:que|cuales) tareas (?:hay|tengo|estan)(?: abiertas| en curso| pendientes)?",
        rf"(?:muestra|muestrame|lista|ensename) {_TASKS}",
        rf"como (?:van|estan) {_TASKS}",
    ),
    last=(
        r"cual (?:fue|era) mi ultima (?:peticion|pregunta|solicitud|consulta)",
        r"que te (?:pedi|pregunte|he pedido|he preguntado)(?: antes| por ultimo| la ultima vez)?",
    ),
    last_task=(r"cual (?:fue|era) mi ultima tarea",),
    cancel=(rf"(?:cancela|cancelar|deten|para|anula) {_TASK}",),
    cancel_it=(r"(?:cancela|deten|anula) (?:eso|esto)|cancelalo|cancelala|detenlo|cancelar?",),
    cancel_all=(rf"(?:cancela|deten|anula) (?:todo|{_TASKS})",),
    before=r"hola|por favor|dime",
    after=r"por favor|gracias|ahora",
    decided=(r"que (?:decidimos|hemos decidido|acordamos|hemos acordado) .+",),
)
