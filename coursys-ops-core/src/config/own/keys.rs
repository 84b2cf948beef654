//! The keys of a section `[[check]]`: those of every kind, and those of each.

use crate::config::Kind;

/// The kinds of checks of one's own.
pub const OWN_KINDS: &[&str] = &["tcp", "http", "dns", "file", "process", "unit", "command"];

/// A key of a section `[[check]]`.
#[derive(Debug, Clone, Copy)]
pub struct OwnKey {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What it is for, one sentence without the period.
    pub meaning: &'static str,
    /// The unit of a number.
    pub unit: Option<&'static str>,
    /// What holds without it, as TOML.
    pub default: Option<&'static str>,
    /// Whether it must be there.
    pub needed: bool,
}

const fn key(name: &'static str, kind: Kind, meaning: &'static str) -> OwnKey {
    OwnKey { name, kind, meaning, unit: None, default: None, needed: false }
}

impl OwnKey {
    const fn needed(mut self) -> Self {
        self.needed = true;
        self
    }

    const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }
}

/// The longest that a check may take: no path of needs may take longer than a run.
const LONGEST_S: f64 = 15.0;
const DAY_S: f64 = 86_400.0;
const BYTES: Kind = Kind::Integer(0, i64::MAX);
const COUNT: Kind = Kind::Integer(0, 1_000_000);
const AGE: Kind = Kind::Number(0.0, 1e9);
const LATENCY: Kind = Kind::Number(0.0, LONGEST_S);
const DAYS: Kind = Kind::Number(0.0, 3650.0);

/// The keys of every kind.
pub const COMMON_KEYS: &[OwnKey] = &[
    key("id", Kind::CheckId, "what it is called: on the command line, in reports, in the needs of others")
        .needed(),
    key("kind", Kind::Choice(OWN_KINDS), "what it looks at").needed(),
    key("title", Kind::Text, "a few words for people; without it, what the kind makes of its keys"),
    key("tier", Kind::Choice(&["sanity", "deploy", "slow"]), "when it is looked at").or("\"deploy\""),
    key(
        "needs",
        Kind::List,
        "ids or globs of checks without which it makes no sense: it is skipped when one of them fails",
    ),
    key("timeout_s", Kind::Number(0.1, LONGEST_S), "how long it may take before it has failed")
        .unit("seconds")
        .or("5"),
    key(
        "interval_s",
        Kind::Number(1.0, DAY_S),
        "within one process it is not looked at more often than this",
    )
    .unit("seconds"),
    key(
        "effects",
        Kind::Choice(&["none", "self_cleaning", "site_log", "sends"]),
        "what looking does to the world; `--read-only` leaves out all but `none`",
    )
    .or("\"none\""),
    key("hint", Kind::Text, "what to do when it fails; without it, what the kind can say"),
    key("explanation", Kind::Text, "why it is there, for `check --explain`"),
];

/// The keys of one kind.
#[must_use]
pub const fn own_keys(kind: &str) -> &'static [OwnKey] {
    match kind.as_bytes() {
        b"tcp" => TCP,
        b"http" => HTTP,
        b"dns" => DNS,
        b"file" => FILE,
        b"process" => PROCESS,
        b"unit" => UNIT,
        b"command" => COMMAND,
        _ => &[],
    }
}

const WARN_S: OwnKey = key("warn_s", LATENCY, "from this time on it is a warning").unit("seconds");
const CRIT_S: OwnKey = key("crit_s", LATENCY, "from this time on it has failed").unit("seconds");
const CA_FILE: OwnKey =
    key("tls_ca_file", Kind::Path, "the trusted certificates, PEM; without it, those of the system");

const TCP: &[OwnKey] = &[
    key("host", Kind::Host, "a name, an IPv4 or an IPv6 address; every address of a name is tried"),
    key("port", Kind::Integer(1, 65_535), "the port"),
    key("socket", Kind::Path, "a Unix socket instead of host and port"),
    key(
        "tls",
        Kind::Choice(&["off", "required"]),
        "whether it speaks TLS from the first byte, with a good certificate",
    )
    .or("\"off\""),
    CA_FILE,
    key("tls_server_name", Kind::Host, "the name that the certificate must be for; without it, the host"),
    key("send", Kind::Text, "what to say first"),
    key("expect", Kind::Pattern, "what the peer's answer or greeting must match"),
    WARN_S,
    CRIT_S,
];

const HTTP: &[OwnKey] = &[
    key("url", Kind::Request, "the address; its query is used but never shown").needed(),
    key(
        "address",
        Kind::Host,
        "where to connect instead of the URL's host, which stays in the `Host` header and in TLS",
    ),
    key("method", Kind::Choice(&["GET", "HEAD"]), "how to ask").or("\"GET\""),
    key("status", Kind::Integers(100, 599), "the right status codes; with `redirect`, any of a redirect")
        .or("200"),
    key("body", Kind::Pattern, "what the beginning of the body must match; its first MiB is looked at"),
    key("header", Kind::Patterns, "what headers must match, by name"),
    key(
        "redirect",
        Kind::Pattern,
        "what the `Location` of a redirect must match; redirects are not followed",
    ),
    CA_FILE,
    key("warn_days", DAYS, "the certificate is a warning when it is valid for fewer days than this")
        .unit("days"),
    key("crit_days", DAYS, "the certificate has failed when it is valid for fewer days than this")
        .unit("days"),
    WARN_S,
    CRIT_S,
];

const DNS: &[OwnKey] = &[
    key("name", Kind::Host, "the name to be looked up, as the system does it").needed(),
    key("addresses", Kind::List, "addresses that it must have, all of them"),
    key("exact", Kind::Switch, "whether it must have no address but those").or("false"),
    key("exists", Kind::Switch, "whether there must be such a name").or("true"),
    WARN_S,
    CRIT_S,
];

const FILE: &[OwnKey] = &[
    key("path", Kind::Path, "where it is").needed(),
    key("exists", Kind::Switch, "whether it must be there; `false` takes no key but `path` and `user`")
        .or("true"),
    key(
        "type",
        Kind::Choice(&["file", "directory", "link", "socket", "fifo", "device"]),
        "what it must be; symbolic links are followed unless it is `link`",
    ),
    key("owner", Kind::Text, "whom it must belong to: a name, or an id in digits"),
    key("group", Kind::Text, "its group: a name, or an id in digits"),
    key("mode", Kind::Mode, "its permissions, exactly"),
    key("mode_max", Kind::Mode, "it may have these permissions and no others"),
    key("warn_age_s", AGE, "from this time since its last change on it is a warning").unit("seconds"),
    key("crit_age_s", AGE, "from this time since its last change on it has failed").unit("seconds"),
    key("min_bytes", BYTES, "the least size").unit("bytes"),
    key("warn_bytes", BYTES, "from this size on it is a warning").unit("bytes"),
    key("crit_bytes", BYTES, "from this size on it has failed").unit("bytes"),
    key("user", Kind::Text, "as whom to look: network storage may keep root out; without it, the caller"),
];

const PROCESS: &[OwnKey] = &[
    key("name", Kind::Text, "their name as the kernel knows it, of which it keeps 15 bytes"),
    key("command", Kind::Pattern, "what their command line matches, words joined by blanks"),
    key("user", Kind::Text, "whose they are"),
    key("min", COUNT, "fewer have failed").or("1"),
    key("max", COUNT, "more have failed"),
    key("warn_min", COUNT, "fewer are a warning"),
    key("warn_max", COUNT, "more are a warning"),
];

const UNIT: &[OwnKey] = &[
    key("unit", Kind::Text, "its name; without an ending, a service").needed(),
    key("active", Kind::Choice(&["active", "inactive", "failed"]), "what `systemctl is-active` must say")
        .or("\"active\""),
    key(
        "enabled",
        Kind::Choice(&[
            "enabled",
            "disabled",
            "static",
            "masked",
            "indirect",
            "generated",
            "linked",
            "alias",
        ]),
        "what `systemctl is-enabled` must say",
    ),
    key("warn_restarts", COUNT, "from this number of restarts by systemd on it is a warning"),
    key("crit_restarts", COUNT, "from this number of restarts by systemd on it has failed"),
];

const COMMAND: &[OwnKey] = &[
    key("argv", Kind::Words, "the program and its arguments, without a shell").needed(),
    key(
        "user",
        Kind::Text,
        "as whom to run it; without it, root runs it as `site.user`, and everybody else as himself",
    ),
    key("dir", Kind::Path, "in which directory; without it, `/`").or("\"/\""),
    key(
        "nagios",
        Kind::Switch,
        "whether it is a plugin of Nagios: exit code, line and figures count as there",
    )
    .or("false"),
    key("exit", Kind::Integers(0, 255), "the right exit codes").or("0"),
    key("output", Kind::Pattern, "what its standard output must match"),
    WARN_S,
    CRIT_S,
];

/// What one kind is for, and a section that shows it.
#[must_use]
pub fn own_example(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "tcp" => (
            "Something listens, over TLS where that is asked, and says the right thing.",
            "[[check]]\nid = \"own.ldap\"\nkind = \"tcp\"\nhost = \"ldap.example.ca\"\nport = 636\ntls = \"required\"\nwarn_s = 0.5\n",
        ),
        "http" => (
            "A web server answers as it should. Redirects are not followed. An unknown or bad certificate has failed.",
            "[[check]]\nid = \"own.docs\"\nkind = \"http\"\nurl = \"https://courses.example.ca/docs/\"\nbody = \"CourSys\"\nheader = { \"Content-Type\" = \"^text/html\" }\nwarn_days = 21\ncrit_days = 7\ntimeout_s = 4\n",
        ),
        "dns" => (
            "A name has the right addresses, as the system itself looks it up.",
            "[[check]]\nid = \"own.name\"\nkind = \"dns\"\nname = \"courses.example.ca\"\naddresses = [\"192.0.2.7\"]\n",
        ),
        "file" => (
            "A file is there, or is not; it is of the right type, owner, mode, age and size.",
            "[[check]]\nid = \"own.keytab\"\nkind = \"file\"\npath = \"/home/coursys/kerberos/adsfu.keytab\"\nowner = \"coursys\"\nmode_max = \"0600\"\nmin_bytes = 1\n",
        ),
        "process" => (
            "Processes run, in the right number. At least one of `name` and `command` is needed.",
            "[[check]]\nid = \"own.workers\"\nkind = \"process\"\ncommand = \"gunicorn.*courses.wsgi\"\nuser = \"coursys\"\nmin = 2\nmax = 60\nneeds = [\"database.connection\"]\n",
        ),
        "unit" => (
            "A unit of systemd is active and enabled as it should be. Skipped where systemd does not run.",
            "[[check]]\nid = \"own.fail2ban\"\nkind = \"unit\"\nunit = \"fail2ban\"\nenabled = \"enabled\"\nhint = \"systemctl start fail2ban\"\n",
        ),
        "command" => (
            "A command exits and prints as it should; plugins of Nagios are taken as they are. As root, a command that \
             others than root can write is refused.",
            "[[check]]\nid = \"own.raid\"\nkind = \"command\"\nargv = [\"/usr/lib/nagios/plugins/check_raid\"]\nnagios = true\nuser = \"root\"\ntier = \"slow\"\n",
        ),
        _ => ("", ""),
    }
}
