"""Questions about tasks in English."""

from __future__ import annotations

from tale_tui.engine.chat.question_patterns.language import LanguagePatterns

_WHICH = r"(?:last|latest|current|running|big|background)"
_OWN = rf"(?:(?:my|the|this|that|our|your)(?: {_WHICH})? )"
_TASK = rf"(?:{_OWN}task|task|(?:the|this|that)(?: {_WHICH})? job|(?:my|your) {_WHICH} job)"
"""`my job` is how people earn their living."""
_TASKS = (
    r"(?:(?:all )?(?:my |the |our |your )?(?:open |running |current |background )?tasks"
    r"|(?:all (?:the )?|the )(?:open |running |current |background )?jobs|(?:running|background) jobs)"
)
_IT = r"(?:it|that|this)"
_DONE = r"(?:done|ready|finished|complete|completed|through|over)"
_GOING = r"(?:doing|going|coming|coming along|coming on|progressing|getting on|getting along|looking)"
_AT_IT = r"running|working|stuck|queued|waiting"
_ENDS = r"finish|complete|end|ended|start|started|stop|stopped|fail|failed"
_SOON = r"(?: yet| already| soon)?"


def _forms(noun: str, going: str, words: str) -> tuple[str, ...]:
    """Ways to ask how something is.

    Args:
        noun: what it is called.
        going: what `how is ...` goes on with.
        words: `status` and the like, with what stands before it.
    """
    return (
        rf"{words}(?: of| on| for| with) {noun}",
        rf"how (?:is|are|about|did) {noun} (?:{going})",
        rf"how {noun} (?:is|are) (?:{going})",
        rf"(?:if|whether) {noun} (?:is|are|has|have) (?:all |still |been )?(?:{_DONE}|{_AT_IT}){_SOON}",
        rf"how far (?:along )?(?:is|are) {noun}(?: along)?",
        rf"(?:is|are|was) {noun} (?:all |still |almost |nearly )?(?:{_DONE}|{_AT_IT}){_SOON}",
        rf"(?:did|has|have|does) {noun} (?:been )?(?:{_DONE}|{_ENDS}){_SOON}",
        rf"(?:is|are) there any (?:progress|update|updates|news) (?:on|with|about|of|from) {noun}",
        rf"any (?:progress|update|updates|news) (?:on|with|about|of|from) {noun}",
        rf"how (?:much longer|much more time|long|much time) (?:will|does|is|do|until)(?: still)? {noun}"
        rf"(?: still)? (?:take|need|takes|needs|going to take|be|last|{_DONE}|is {_DONE})",
        rf"when (?:will|is|are) {noun} (?:be )?(?:going to be )?{_DONE}",
        rf"what (?:is|has) (?:happening|happened|going on|the matter|up) (?:with|to) {noun}",
        rf"what happened (?:with|to) {noun}",
        rf"why (?:did|has|is|does) {noun} (?:{_ENDS}|{_AT_IT})",
        rf"what is {noun} doing",
    )


_STATUS_WORDS = (
    r"(?:(?:what is|what about|how about|give me|check|show|i need) )?(?:(?:the|a|my|an) )?"
    r"(?:status|state|progress)(?: update)?"
)
_NAMED = (
    *_forms(_TASK, rf"{_GOING}", _STATUS_WORDS),
    rf"(?:(?:what is|check|show) )?{_OWN}task (?:status|state|progress)",
    r"task (?:status|state|progress)",
    rf"(?:what about|how is) {_TASK}",
    rf"how (?:is it|are things)(?: going)? with {_TASK}",
    rf"where (?:is|are|are you with) {_TASK}",
    rf"are you (?:still )?(?:done with|finished with|working on|busy with) {_TASK}{_SOON}",
)
_POINTED = (
    *_forms(_IT, r"coming along|coming on|progressing|getting on|getting along", _STATUS_WORDS),
    _STATUS_WORDS,
    r"any (?:progress|update|updates|news)|(?:give me an )?update|how is (?:the )?progress|are we there yet",
    r"how much longer|how long (?:left|to go|still)",
    r"(?:are|have) you (?:all |almost |nearly )?(?:done|finished)(?: with (?:it|that|this))?(?: yet| already)?",
    r"are you still (?:working|busy|at it|on it|working on (?:it|that|this))",
    r"(?:done|ready|finished) (?:yet|already)",
    r"how far (?:along )?are you(?: with (?:it|that|this))?",
    r"what are you working on",
)
_EVERY = (
    *_forms(_TASKS, rf"{_GOING}", _STATUS_WORDS),
    r"(?:what|which) tasks (?:are|do i have|do you have|have i|are there|are you working on)"
    r"(?: (?:open|running|queued|waiting|there|in the queue|left|active))?",
    r"(?:list|show|show me|give me|what are|where are|check) " + _TASKS,
    r"how many tasks (?:are|do i have|do you have|have i)(?: (?:open|running|queued|waiting|there|in the queue|left))?",
    r"what is (?:in the queue|queued|in the background|running in the background|being worked on)",
    r"what (?:tasks|jobs) (?:are|is) running",
    r"(?:are (?:there )?any|is (?:there )?any|do i have(?: any)?) (?:open |running )?tasks?(?: open| running| left)?",
    r"my tasks|how are my tasks",
)
_AROUND = (r"what is running|(?:is )?anything running",)
_LAST_WORD = r"(?:last|latest|previous|most recent|earlier)"
_LAST = (
    rf"(?:what|which) (?:was|is) my {_LAST_WORD} (?:request|question|message|prompt|query|input)",
    rf"(?:what|which) (?:was|is) the {_LAST_WORD} (?:thing|request|question|message)(?: that)? i "
    r"(?:asked|said|wrote|sent|requested)(?: you)?(?: for| to do| about)?",
    r"what did i (?:just |last )?(?:ask|request|ask for|write|say)(?: you| to you)?(?: for| to do| about)?"
    r"(?: last| before| just now| earlier| last time| previously)",
    r"what did i (?:just|last) (?:ask|request|ask for|write|say)(?: you)?(?: for| to do| about)?",
    r"what (?:i|did i) (?:asked|ask) (?:you )?(?:last|before|for)",
    r"what did i ask(?: you)?(?: to do)?",
    rf"my {_LAST_WORD} request|last request",
)
_LAST_TASK = (rf"(?:what|which) (?:was|is) my {_LAST_WORD} task", rf"my {_LAST_WORD} task")
_STOP = r"(?:cancel|stop|abort|kill|terminate|drop)"
_WISH = (
    rf"(?:never mind |nevermind |nvm |forget it |no )?{_STOP} (?:working on )?",
    r"(?:you can |let us |lets |i want to |i would like to )(?:cancel|stop|abort) ",
)
_CANCEL_NAMED = (*(rf"{wish}{_TASK}" for wish in _WISH), rf"end {_TASK}")
_CANCEL = (
    *(rf"{wish}{_IT}" for wish in _WISH),
    r"(?:never mind |nevermind |nvm )?(?:cancel|abort|stop)",
    r"cancel my request|cancel the request|cancel my last request|cancel that request",
)
_CANCEL_ALL = (rf"{_STOP} {_TASKS}|(?:cancel|stop|abort) (?:everything|them all|all of them|all)",)

ENGLISH = LanguagePatterns(
    status=_NAMED,
    pointing=_POINTED,
    every=_EVERY,
    last=_LAST,
    last_task=_LAST_TASK,
    cancel=_CANCEL_NAMED,
    cancel_it=_CANCEL,
    cancel_all=_CANCEL_ALL,
    before=(
        r"hey|hi|hello|ok|okay|so|and|well|um|oh|now|please|pls|right|sorry|also|but|actually|no|wait"
        r"|(?:can|could|would|will) you(?: please)?(?: just)?(?: tell| show| remind)? me|tell me|show me|remind me"
        r"|(?:can|could|would|will) you(?: please)?|do you know|i (?:want|would like) to know|i want you to"
    ),
    after=(
        r"please|pls|now|right now|at the moment|currently|so far|by the way|btw|thanks|thank you|then|again"
        r"|today|for me"
    ),
    around=_AROUND,
    decided=(
        r"what (?:did|have|had) (?:we|i) (?:decide|decided|agree|agreed|settle|settled)(?: on| upon)? .+",
        r"what (?:was|is) (?:our|my|the) decision (?:on|about|for|regarding|in) .+",
    ),
)
