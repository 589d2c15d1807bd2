"""Questions about tasks in French."""

from __future__ import annotations

from tale_tui.engine.chat.question_patterns.language import LanguagePatterns

_TASK = r"(?:ma |la |cette |ta |sa )(?:derniere )?tache(?: en cours)?"
_TASKS = r"(?:toutes )?(?:mes |les )taches(?: en cours| ouvertes)?"
FRENCH = LanguagePatterns(
    status=(
        rf"(?:ou en est|comment (?:va|avance|se passe)) {_TASK}",
        rf"{_TASK} (?:en est ou|avance|est(?: elle)? (?:deja )?(?:finie|terminee|prete))(?: deja)?",
        rf"est ce que {_TASK} (?:est (?:deja )?(?:finie|terminee|prete)|avance)",
        rf"quel est (?:le statut|l etat|l avancement) de {_TASK}",
        rf"(?:quand|dans combien de temps) {_TASK} sera(?: t)?(?: elle)? (?:finie|terminee|prete)",
        rf"que fait {_TASK}",
    ),
    pointing=(
        r"(?:c est|tu as|as tu|t as) (?:deja |bientot )?(?:fini|termine|pret)",
        r"ou en es tu|tu en es ou|ca avance|encore combien de temps",
    ),
    every=(
        r"quelles (?:sont mes )?taches (?:sont )?(?:en cours|ouvertes)",
        rf"(?:montre|affiche|liste)(?: moi)? {_TASKS}",
        rf"(?:ou en sont|comment avancent) {_TASKS}",
    ),
    last=(
        r"(?:quelle (?:etait|est)|c etait quoi) ma derniere (?:demande|question|requete)",
        r"qu est ce que je t ai demande(?: en dernier| avant| tout a l heure)?|que t ai je demande",
    ),
    last_task=(r"(?:quelle (?:etait|est)|c etait quoi) ma derniere tache",),
    cancel=(rf"(?:annule[rz]?|arrete[rz]?|stoppe[rz]?) {_TASK}",),
    cancel_it=(r"(?:annule|arrete|stoppe) (?:ca|cela)|annule[rz]?",),
    cancel_all=(rf"(?:annule|arrete|stoppe) (?:tout|{_TASKS})",),
    before=r"bonjour|salut|dis moi",
    after=r"s il te plait|s il vous plait|stp|svp|merci",
    decided=(r"(?:qu avons nous|qu est ce que? (?:nous avons|on a)) (?:decide|convenu) .+",),
)
