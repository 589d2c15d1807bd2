"""The commonest questions about tasks in German, French, Spanish, Italian and Chinese, for whole messages.

Written without accents, in small letters, as `plain_of` gives them. Each language has the same groups; what points
with a word like `it` is a question only where there is a task to be meant.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LanguageForms:
    """Regular expressions for one language, by what is asked."""

    status: tuple[str, ...]
    pointing: tuple[str, ...]
    every: tuple[str, ...]
    last: tuple[str, ...]
    last_task: tuple[str, ...]
    cancel: tuple[str, ...]
    cancel_it: tuple[str, ...]
    cancel_all: tuple[str, ...]


_DE = (
    r"(?:(?:mein|dein|die|der|das|den|dem|diese)(?:e[rnm]?|r|n|m)? )?(?:letzten? |laufenden? )?(?:aufgabe|auftrag|task)"
)
_DE_ALL = r"(?:alle )?(?:meine |die )?(?:offenen |laufenden )?(?:aufgaben|auftrage|tasks)"
GERMAN = LanguageForms(
    status=(
        rf"wie (?:lauft|steht) {_DE}",
        rf"wie (?:geht|steht) es (?:mit|um) {_DE}",
        rf"wie weit (?:ist|bist du mit) {_DE}",
        rf"(?:(?:was|wie) ist )?(?:der |den )?(?:status|stand) (?:von |bei |zu )?{_DE}",
        rf"ist {_DE} (?:schon |jetzt |bald |endlich |noch nicht )*(?:fertig|erledigt|durch)",
        rf"(?:lauft|hangt) {_DE}(?: noch| schon| gerade)*",
        rf"wann ist {_DE} (?:endlich )?(?:fertig|erledigt)",
        rf"wie lange (?:dauert|braucht) {_DE}(?: noch)?",
        rf"(?:was macht|wo bleibt) {_DE}",
    ),
    pointing=(
        r"(?:bist du|ist (?:es|das)) (?:schon |jetzt |bald |endlich )*(?:fertig|erledigt)",
        r"wie lange (?:dauert (?:es|das)|brauchst du) noch",
        r"wie weit bist du(?: damit| schon)?",
        r"(?:schon )?fertig|wie ist der stand|stand",
    ),
    every=(
        r"(?:was fur|welche) (?:aufgaben|tasks) (?:laufen|sind offen|habe ich|gibt es)(?: gerade| noch| jetzt)?",
        rf"(?:zeig|zeige|liste)(?: mir)? {_DE_ALL}(?: auf| an)?",
        rf"wie (?:laufen|stehen) {_DE_ALL}",
    ),
    last=(
        r"(?:was|wie) (?:war|lautete) meine letzte (?:anfrage|frage|nachricht|bitte)",
        r"was habe? ich (?:dich |dir )?(?:zuletzt|gerade|eben|vorhin) (?:gefragt|gebeten|geschrieben|gesagt)",
    ),
    last_task=(r"(?:was|wie) (?:war|lautete) (?:meine letzte aufgabe|mein letzter auftrag)",),
    cancel=(
        rf"(?:brich|breche) (?:bitte )?{_DE} (?:bitte )?ab|(?:stopp|stoppe|storniere|beende) {_DE}",
        rf"{_DE} (?:abbrechen|stoppen|stornieren)",
    ),
    cancel_it=(r"(?:brich|breche) (?:das|es) (?:bitte )?ab|(?:das )?abbrechen|(?:stopp|stoppe) (?:das|es)",),
    cancel_all=(rf"(?:brich|breche) (?:alles|{_DE_ALL}) ab|(?:alles|{_DE_ALL}) (?:abbrechen|stoppen)",),
)

_FR = r"(?:ma |la |cette |ta |sa )(?:derniere )?tache(?: en cours)?"
_FR_ALL = r"(?:toutes )?(?:mes |les )taches(?: en cours| ouvertes)?"
FRENCH = LanguageForms(
    status=(
        rf"(?:ou en est|comment (?:va|avance|se passe)) {_FR}",
        rf"{_FR} (?:en est ou|avance|est(?: elle)? (?:deja )?(?:finie|terminee|prete))(?: deja)?",
        rf"est ce que {_FR} (?:est (?:deja )?(?:finie|terminee|prete)|avance)",
        rf"quel est (?:le statut|l etat|l avancement) de {_FR}",
        rf"(?:quand|dans combien de temps) {_FR} sera(?: t)?(?: elle)? (?:finie|terminee|prete)",
        rf"que fait {_FR}",
    ),
    pointing=(
        r"(?:c est|tu as|as tu|t as) (?:deja |bientot )?(?:fini|termine|pret)",
        r"ou en es tu|tu en es ou|ca avance|encore combien de temps",
    ),
    every=(
        r"quelles (?:sont mes )?taches (?:sont )?(?:en cours|ouvertes)",
        rf"(?:montre|affiche|liste)(?: moi)? {_FR_ALL}",
        rf"(?:ou en sont|comment avancent) {_FR_ALL}",
    ),
    last=(
        r"(?:quelle (?:etait|est)|c etait quoi) ma derniere (?:demande|question|requete)",
        r"qu est ce que je t ai demande(?: en dernier| avant| tout a l heure)?|que t ai je demande",
    ),
    last_task=(r"(?:quelle (?:etait|est)|c etait quoi) ma derniere tache",),
    cancel=(rf"(?:annule[rz]?|arrete[rz]?|stoppe[rz]?) {_FR}",),
    cancel_it=(r"(?:annule|arrete|stoppe) (?:ca|cela)|annule[rz]?",),
    cancel_all=(rf"(?:annule|arrete|stoppe) (?:tout|{_FR_ALL})",),
)

_ES = r"(?:mi |la |esta |tu |esa )(?:ultima )?tarea(?: actual| en curso)?"
_ES_ALL = r"(?:todas )?(?:mis |las )tareas(?: abiertas| en curso| pendientes)?"
SPANISH = LanguageForms(
    status=(
        rf"(?:como|que tal) (?:va|esta|sigue|avanza) {_ES}",
        rf"(?:esta|sigue) (?:ya )?(?:lista|terminada|hecha|acabada) {_ES}",
        rf"{_ES} (?:ya )?esta (?:ya )?(?:lista|terminada|hecha|acabada)",
        rf"(?:ya )?(?:termino|acabo|ha terminado|ha acabado) (?:ya )?{_ES}",
        rf"cual es el estado de {_ES}|(?:el )?estado de {_ES}",
        rf"cuanto (?:le )?(?:falta|queda|tarda)(?: a| para)? {_ES}",
        rf"cuando (?:termina|acaba|estara lista) {_ES}",
        rf"que hace {_ES}",
    ),
    pointing=(
        r"(?:ya )?(?:has terminado|terminaste|acabaste|esta listo|esta hecho)(?: ya)?",
        r"cuanto (?:falta|queda|tarda)(?: todavia)?|como vas(?: con eso)?",
    ),
    every=(
        r"(?:que|cuales) tareas (?:hay|tengo|estan)(?: abiertas| en curso| pendientes)?",
        rf"(?:muestra|muestrame|lista|ensename) {_ES_ALL}",
        rf"como (?:van|estan) {_ES_ALL}",
    ),
    last=(
        r"cual (?:fue|era) mi ultima (?:peticion|pregunta|solicitud|consulta)",
        r"que te (?:pedi|pregunte|he pedido|he preguntado)(?: antes| por ultimo| la ultima vez)?",
    ),
    last_task=(r"cual (?:fue|era) mi ultima tarea",),
    cancel=(rf"(?:cancela|cancelar|deten|para|anula) {_ES}",),
    cancel_it=(r"(?:cancela|deten|anula) (?:eso|esto)|cancelalo|cancelala|detenlo|cancelar?",),
    cancel_all=(rf"(?:cancela|deten|anula) (?:todo|{_ES_ALL})",),
)

_IT = r"(?:il mio |la mia |il |questo |questa |l )(?:ultim[ao] )?(?:compito|attivita|task)(?: in corso)?"
_IT_ALL = r"(?:tutt[ie] )?(?:i miei |le mie |i |le )(?:compiti|attivita|task)(?: apert[ie]| in corso)?"
ITALIAN = LanguageForms(
    status=(
        rf"(?:come (?:va|procede|sta andando)|a che punto e) {_IT}",
        rf"{_IT} (?:e (?:gia )?(?:pront[oa]|finit[oa]|terminat[oa])|a che punto e)",
        rf"e (?:gia )?(?:pront[oa]|finit[oa]|terminat[oa]) {_IT}",
        r"(?:qual e )?(?:lo )?stato (?:del(?: mio)? |della(?: mia)? |dell )(?:compito|attivita|task)",
        rf"quanto manca a(?:l|lla)? {_IT}|quando (?:finisce|sara pront[oa]) {_IT}",
    ),
    pointing=(r"hai (?:gia )?finito|e (?:gia )?pronto|a che punto sei|quanto manca(?: ancora)?",),
    every=(
        r"(?:quali|che) (?:compiti|attivita|task) (?:ci sono|ho|sono (?:apert[ie]|in corso))",
        rf"(?:mostra|mostrami|elenca) {_IT_ALL}",
        rf"come (?:vanno|procedono) {_IT_ALL}",
    ),
    last=(
        r"qual (?:era|e stata) la mia ultima (?:richiesta|domanda)",
        r"(?:che )?cosa ti ho chiesto(?: prima| per ultimo| poco fa)?",
    ),
    last_task=(r"qual (?:era|e stat[oa]) (?:il mio ultimo compito|la mia ultima attivita)",),
    cancel=(rf"(?:annulla|ferma|interrompi|cancella) {_IT}",),
    cancel_it=(r"(?:annulla|ferma|interrompi) (?:questo|quello|tutto questo)|annullalo|fermalo|annulla",),
    cancel_all=(rf"(?:annulla|ferma|interrompi) (?:tutto|{_IT_ALL})",),
)

_ZH = r"(?:我的|这个|那个|我这个|当前)?(?:上一个)?任务"
_ZH_ALL = r"(?:我的)?(?:所有|全部)?(?:的)?任务"
CHINESE = LanguageForms(
    status=(
        rf"{_ZH}(?:现在)?(?:怎么样|进行得怎么样|怎样|如何|进展如何|到哪一步|到哪)(?:了)?(?:啊|呢)?",
        rf"{_ZH}(?:的)?(?:进度|状态|进展|情况)(?:是什么|怎么样|如何|呢)?(?:了)?",
        rf"{_ZH}(?:已经)?(?:完成|做完|做好|好|结束|跑完)(?:了)?(?:吗|没有|没|了吗)",
        rf"{_ZH}(?:还要|还需要|需要)多(?:久|长时间)|{_ZH}什么时候(?:能)?(?:完成|做完|好|结束)",
        rf"(?:查看|看看|告诉我){_ZH}(?:的)?(?:进度|状态|进展)",
    ),
    pointing=(r"(?:做|弄|完成|搞)?(?:好|完|完成)了(?:吗|没有|没)|还要多久|进度(?:怎么样|如何)?|到哪一步了",),
    every=(
        r"(?:有|现在有|我有)(?:哪些|什么)任务(?:在(?:运行|进行|跑))?|(?:列出|显示|查看)(?:所有|我的|全部|我所有的)任务",
        r"(?:哪些|什么)任务(?:正)?在(?:运行|进行|跑)",
    ),
    last=(
        r"我(?:上一个|上次的|最后一个|上一次的|上一条)(?:请求|问题|消息)是什么",
        r"我(?:刚才|刚刚|上次|之前)(?:问|说|要求)(?:了)?(?:你)?(?:什么|了什么)",
    ),
    last_task=(r"我(?:上一个|最后一个|上次的)任务是什么",),
    cancel=(rf"(?:取消|停止|终止|中止){_ZH}|把{_ZH}(?:取消|停)(?:了|掉|下来)?",),
    cancel_it=(r"(?:取消|停止|终止)(?:它|这个|那个)?(?:吧)?|(?:把它)?(?:取消|停)(?:掉|下来)(?:吧)?",),
    cancel_all=(r"(?:取消|停止|终止)(?:我的|我)?(?:所有|全部)(?:的)?(?:任务)?|全部取消",),
)

TONGUES = (GERMAN, FRENCH, SPANISH, ITALIAN, CHINESE)
BEFORE = r"bitte|hallo|hey|sag mir|bonjour|salut|dis moi|hola|por favor|dime|ciao|per favore|dimmi|请|你好|请问"
AFTER = (
    r"bitte|gerade|eigentlich|danke|s il te plait|s il vous plait|stp|svp|merci|por favor|gracias|ahora"
    r"|per favore|grazie|adesso|谢谢|请"
)
"""Courtesies at both ends."""
