//! The closed list of finding codes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// What kind of thing a finding is, for scripts. The list is closed: a new code is a line in CHANGELOG.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Code {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word used in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What it means, one line.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

codes! {
    /// As it should be.
    Ok = "ok",

    /// A check that this one needs failed or could not be judged; `because` names the roots.
    NeedFailed = "need_failed",
    /// The component is not part of this layout.
    NotInLayout = "not_in_layout",
    /// This user may not look; run as root or as the site's user.
    NotPermitted = "not_permitted",
    /// The program was built without what the check needs.
    NotBuiltIn = "not_built_in",
    /// The site is in maintenance.
    InMaintenance = "in_maintenance",
    /// Switched off by `checks.off` in the configuration.
    SwitchedOff = "switched_off",
    /// Left out by `--skip`.
    LeftOut = "left_out",
    /// Left out by `--read-only`, because it writes or sends.
    ReadOnly = "read_only",

    /// The run's deadline passed first.
    Deadline = "deadline",
    /// The run was interrupted first.
    Interrupted = "interrupted",
    /// The check crashed: a bug worth reporting.
    Panicked = "panicked",
    /// The check ended without a finding: a bug worth reporting.
    NoFinding = "no_finding",
    /// Evidence contradicts itself.
    Contradictory = "contradictory",
    /// A helper process could not be started or gave no usable answer.
    HelperFailed = "helper_failed",

    /// A host, user or secret that no layer of the configuration gives.
    NotConfigured = "not_configured",
    /// A configured secret could not be read.
    SecretUnreadable = "secret_unreadable",
    /// The configured user does not exist on this machine.
    NoSuchUser = "no_such_user",

    /// No answer within the check's own timeout.
    Timeout = "timeout",
    /// Nothing listens there.
    Refused = "refused",
    /// No route to the host or network.
    Unreachable = "unreachable",
    /// The name does not resolve.
    UnknownHost = "unknown_host",
    /// The name servers did not answer, or answered with an error.
    DnsFailed = "dns_failed",
    /// The peer closed the connection in the middle of the conversation.
    ConnectionLost = "connection_lost",
    /// The socket file is missing.
    NoSocket = "no_socket",
    /// The answer is not of the protocol that was asked for.
    Garbage = "garbage",
    /// The server answered with an error of its own.
    ServerError = "server_error",
    /// User or password refused.
    AccessDenied = "access_denied",
    /// TLS is required here, and the server does not offer it.
    TlsNotOffered = "tls_not_offered",
    /// The certificate is signed by nobody we trust.
    TlsUntrusted = "tls_untrusted",
    /// The certificate is for another name.
    TlsWrongHost = "tls_wrong_host",
    /// The certificate is expired or not yet valid.
    TlsExpired = "tls_expired",
    /// The TLS handshake failed for another reason.
    TlsFailed = "tls_failed",
    /// The server does not send the certificates between its own and one that we trust.
    TlsIncomplete = "tls_incomplete",
    /// It is valid, but not for much longer.
    Expiring = "expiring",
    /// A port that is for this machine alone listens for the world.
    Exposed = "exposed",
    /// Pages name static files one by one, not the compressed ones.
    NotCompressed = "not_compressed",

    /// The database server has no database of that name, or this user no right to it.
    UnknownDatabase = "unknown_database",
    /// A table that the site cannot do without is missing.
    TableMissing = "table_missing",
    /// A table or index that should hold something is empty.
    Empty = "empty",
    /// What came back is not what was sent.
    Mangled = "mangled",
    /// The database, a table or a column is not in the character set or collation of the site.
    WrongCollation = "wrong_collation",
    /// Migrations of the code are not recorded as run in the database.
    MigrationsMissing = "migrations_missing",
    /// Migrations are recorded in the database that the code does not have.
    MigrationsUnknown = "migrations_unknown",
    /// Fewer connections are free than the threshold leaves.
    FewConnections = "few_connections",
    /// A statement has been running for longer than the threshold.
    LongStatement = "long_statement",
    /// A statement has been waiting for a lock for longer than the threshold.
    LockWait = "lock_wait",
    /// A table is being checked, repaired or analysed, which holds it up for everybody.
    TableCheck = "table_check",
    /// A file breaks off before its end.
    Incomplete = "incomplete",
    /// A file's contents are damaged.
    Corrupt = "corrupt",
    /// A file is smaller than anything that could be right.
    TooSmall = "too_small",

    /// The broker has no virtual host of that name, or this user no right to it.
    NoSuchVhost = "no_such_vhost",
    /// The queue does not exist.
    NoQueue = "no_queue",
    /// The queue exists and nobody consumes it.
    NoConsumer = "no_consumer",
    /// Workers are there but have no child free in time.
    Busy = "busy",
    /// Every child of the workers is stuck, or free and doing nothing.
    Wedged = "wedged",
    /// Somebody consumes the queue, and no worker answers a ping.
    Dead = "dead",
    /// A worker that should not be there.
    UnexpectedNode = "unexpected_node",
    /// A worker that should be there does not answer.
    MissingNode = "missing_node",
    /// More workers than one where there should be one, or two of one name.
    DoubledNode = "doubled_node",
    /// Versions that should agree do not, or do not work together.
    WrongVersion = "wrong_version",
    /// The server has raised an alarm and takes nothing.
    Alarm = "alarm",
    /// Servers of a cluster do not see each other.
    Partitioned = "partitioned",
    /// The worker does not know the task.
    NotRegistered = "not_registered",
    /// The task ran and failed.
    TaskFailed = "task_failed",
    /// An answer came back with other contents than expected.
    WrongAnswer = "wrong_answer",
    /// The queue shows backlog without progress, so no further probe was sent.
    Backlog = "backlog",
    /// It has been longer than it should since the last sign of life.
    Stale = "stale",
    /// The sign of life that is looked for was never stored.
    NoMarker = "no_marker",

    /// The driver that a database is asked through is not installed.
    NoDriver = "no_driver",
    /// It answers the protocol but does not describe itself as the right server.
    WrongServer = "wrong_server",
    /// The site's cache is not the server that was checked.
    NotShared = "not_shared",
    /// The index does not exist.
    NoSuchIndex = "no_such_index",
    /// The index answers but finds nothing.
    NoHits = "no_hits",
    /// The cluster says that it is red.
    ClusterRed = "cluster_red",
    /// The index, or the whole cluster, takes no changes.
    ReadOnlyIndex = "read_only_index",
    /// It holds far less than it did a short while ago.
    Shrunk = "shrunk",
    /// The cache throws away what is still wanted.
    Evicting = "evicting",
    /// The cache has too little of what it is asked for.
    LowHitRate = "low_hit_rate",
    /// Nearly or more connections than the server takes.
    TooManyConnections = "too_many_connections",
    /// A limit of the server is lower than what the site needs.
    LimitTooLow = "limit_too_low",
    /// The version is older than it should be.
    TooOld = "too_old",

    /// The server refused for good.
    Rejected = "rejected",
    /// The server refused for now.
    TryLater = "try_later",

    /// Its time has run out.
    Expired = "expired",
    /// Its time runs out sooner than the threshold allows.
    ExpiresSoon = "expires_soon",
    /// Its time has not begun.
    NotYetValid = "not_yet_valid",
    /// It is for somebody else.
    WrongPrincipal = "wrong_principal",
    /// No Kerberos server of the realm answers, or none is known.
    NoKdc = "no_kdc",
    /// Kerberos knows nobody of that name.
    UnknownPrincipal = "unknown_principal",
    /// The name belongs to another realm than the site's, or the server does not serve that realm.
    WrongRealm = "wrong_realm",
    /// The account's time has run out.
    AccountExpired = "account_expired",
    /// The account is locked or disabled.
    AccountLocked = "account_locked",
    /// The password must be changed before it is good for anything.
    PasswordExpired = "password_expired",
    /// The ticket cache holds no ticket to get others with.
    NoTicket = "no_ticket",
    /// The keytab has no key of a kind that is still considered safe.
    WeakKey = "weak_key",
    /// A job that should be scheduled is not.
    NoJob = "no_job",
    /// Others than its owner may read or change it.
    TooOpen = "too_open",
    /// It answers, and later than the threshold.
    Slow = "slow",
    /// The web server answers with another status than expected.
    WrongStatus = "wrong_status",

    /// The directory or file does not exist.
    NotFound = "not_found",
    /// It exists and is not a directory.
    NotADirectory = "not_a_directory",
    /// It is not a regular file, or larger than any of its kind.
    NotAFile = "not_a_file",
    /// Who needs it may not read it.
    NotReadable = "not_readable",
    /// The site's user may not write there.
    NotWritable = "not_writable",
    /// Less free space than the threshold.
    LowSpace = "low_space",
    /// Fewer free inodes than the threshold.
    LowInodes = "low_inodes",
    /// Less free memory than the threshold.
    LowMemory = "low_memory",
    /// More work than the machine can do.
    Overloaded = "overloaded",
    /// Security updates wait to be installed.
    UpdatesPending = "updates_pending",
    /// Updates count only after a restart of the machine.
    RebootRequired = "reboot_required",
    /// The kernel ended a process because there was no memory left.
    OomKill = "oom_kill",
    /// The kernel found a file system or its disk broken.
    FileSystemError = "file_system_error",
    /// The clock differs from the reference by more than the threshold.
    ClockOff = "clock_off",
    /// The time server is not synchronised itself, or asked us to go away.
    ReferenceUnusable = "reference_unusable",
    /// A process of the site runs without a UTF-8 locale.
    NotUtf8 = "not_utf8",
    /// A process that should run does not.
    NotRunning = "not_running",
    /// Fewer of them than the threshold.
    TooFew = "too_few",
    /// More of them than the threshold.
    TooMany = "too_many",
    /// The unit has failed.
    UnitFailed = "unit_failed",
    /// Nothing can start the unit: it is masked.
    Masked = "masked",
    /// It ends and is started again, over and over.
    RestartLoop = "restart_loop",
    /// It has been starting for longer than a start takes.
    StuckStarting = "stuck_starting",
    /// It is there and halted.
    Paused = "paused",
    /// It runs, and its manager finds it unwell.
    Unhealthy = "unhealthy",
    /// The files of the unit have changed since systemd read them.
    ReloadNeeded = "reload_needed",
    /// It runs in a container, or with a configuration, that was replaced since.
    Outdated = "outdated",
    /// A configuration that its program refuses, or would.
    BadConfiguration = "bad_configuration",
    /// The unit is started at boot, or not, against what is expected.
    NotEnabled = "not_enabled",
    /// It is there, or runs, and should not.
    Unwanted = "unwanted",
    /// It is larger than the threshold.
    TooLarge = "too_large",
    /// It is something else than a file, a directory, … of the kind that is expected.
    WrongType = "wrong_type",
    /// It belongs to another user or group than it should.
    WrongOwner = "wrong_owner",
    /// Its permissions are others than expected.
    WrongMode = "wrong_mode",
    /// The command says, by its exit code or end, that something is wrong.
    CommandFailed = "command_failed",
    /// The command printed more than anybody reads.
    TooMuchOutput = "too_much_output",
    /// A check that was registered in Python says that something is wrong.
    CheckFailed = "check_failed",
    /// The site's own Python failed to answer.
    SiteFailed = "site_failed",
    /// Django's own system check complains.
    SystemCheck = "system_check",
    /// The site's settings are not what this configuration says.
    Differs = "differs",

    /// The flag of maintenance is not ours: nobody knows who wants it.
    FlagWithoutLease = "flag_without_lease",
    /// The flag of maintenance is there, and workers run.
    FlagButWorkers = "flag_but_workers",
    /// The flag of maintenance is there, and pages are served.
    FlagButServed = "flag_but_served",
    /// The flag of maintenance is there, and others can start the workers.
    NotHeld = "not_held",
    /// The site is in maintenance, and nobody can be kept from starting the workers.
    CannotHold = "cannot_hold",
    /// The site is being closed, and nothing is proven yet.
    NotProven = "not_proven",
    /// The site is being opened, and not everything runs yet.
    NotStarted = "not_started",
    /// The site is being opened, everything runs, and the flag is there still.
    FlagLeft = "flag_left",
    /// The time is over that was asked for a maintenance.
    LeaseExpired = "lease_expired",
    /// There is no flag of maintenance, and the workers are kept from starting.
    HeldNoFlag = "held_no_flag",

    /// Tracked files differ from what is committed.
    Uncommitted = "uncommitted",
    /// Files that git does not know and nobody expects.
    Untracked = "untracked",
    /// The code is on another branch than it should be.
    WrongBranch = "wrong_branch",
    /// The code is on no branch at all.
    DetachedHead = "detached_head",
    /// A merge, a rebase or the like was begun and not finished.
    Unfinished = "unfinished",
    /// The upstream branch has commits that the code lacks.
    Behind = "behind",
    /// The code has commits that its upstream branch lacks.
    Ahead = "ahead",
    /// The branch follows no branch of a remote.
    NoUpstream = "no_upstream",
    /// Git cannot read the repository.
    BrokenRepository = "broken_repository",
    /// An interrupted program left it behind.
    LeftOver = "left_over",
    /// What runs was started before the code changed.
    OldCode = "old_code",
    /// Some of what runs was started before the code changed, and some after.
    MixedCode = "mixed_code",
    /// The program is there, and this user may not execute it.
    NotExecutable = "not_executable",
    /// The program is there and cannot run: its interpreter or a module is missing, or it is broken.
    NotRunnable = "not_runnable",
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
