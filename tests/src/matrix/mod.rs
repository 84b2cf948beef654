//! The fault matrix: one fault after the other in real servers, and what the checks must find of each.
//!
//! `cargo xtask faults [FILTER]` runs it. A row is a value; the files in `rows/` hold one area each:
//!
//! ```ignore
//! pub fn rows() -> Vec<Fault> {
//!     vec![
//!         Fault::new("MariaDB is stopped", "stopped")
//!             .with(inject::stopped("mariadb"))
//!             .culprit("database.connection", "failed refused"),
//!         Fault::new("a table is latin1", "wrong charset")
//!             .with(inject::sql("ALTER TABLE grades CHARACTER SET latin1", "ALTER TABLE grades CHARACTER SET utf8mb4"))
//!             .culprit("database.charset", "failed wrong_charset")
//!             .telling("grades"),
//!     ]
//! }
//! ```
//!
//! - The *name* says what is wrong, as a fact; the *mechanism* how it was brought about, the same word for the same means.
//! - `with` injects: one of the functions of [`crate::inject`], or a closure over the [`Scene`] that changes the
//!   program's arguments (`scene.set("database.name", "nosuch")`) or the world (`scene.hold(guard)`; the guard's `Drop`
//!   undoes it, also after a panic). Several `with`s are several faults at once, undone in reverse order.
//! - `culprit` says what an id reports: status and code (the codes of its worst findings, joined by `+` when there are
//!   several). Where more than one is right, `|` stands between them: `failed timeout|failed garbage`.
//! - What *needs* a failed or unknown culprit is expected to be `skipped need_failed` because of it, computed from what
//!   the checks say themselves; every other id must be as on the healthy site ([`baseline`]). So a row names its culprits
//!   and nothing else. `also` is for an id that is touched without being a culprit (`celery.beat` skipped for a reason
//!   of its own, say): it is expected, but counts for no id.
//! - A row whose culprit is of tier `slow` says `.slow()`. A row that needs other servers says `.on(set::TLS)`.
//!
//! For every row the driver ([`run`]) holds the fault, runs the program with default needs and selection, compares
//! *every* id, wants the run to end inside its deadline with nothing abandoned and a hint at every finding, undoes the
//! fault, waits until the site is healthy again and looks whether anything was left behind.

pub mod baseline;
mod check_things;
mod expect;
pub mod rows;
pub mod run;
mod scene;
pub mod set;
pub mod table;

pub(crate) use expect::says;
pub use rows::all;
pub use scene::Scene;

use set::Set;

/// One row of the matrix.
pub struct Fault {
    /// What is wrong, in a few words. Unique.
    pub name: String,
    /// How it is brought about.
    pub mechanism: &'static str,
    /// The file of rows that it is in.
    pub area: &'static str,
    /// The servers that it happens to.
    pub set: Set,
    /// Whether the checks of tier `slow` are run too.
    pub slow: bool,
    /// What is expected of ids that are not as on the healthy site, culprits first.
    pub expected: Vec<Expectation>,
    injections: Vec<Injection>,
}

/// What an id must report.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The check.
    pub id: String,
    /// Status and code, alternatives between `|`, with `*` for any code.
    pub says: String,
    /// Text that its findings must hold.
    pub telling: Vec<String>,
    /// Whether this fault is about it.
    pub culprit: bool,
}

/// How a fault gets into the world.
type Injection = Box<dyn for<'a> Fn(&mut Scene<'a>)>;

impl Fault {
    /// A fault that does nothing yet.
    #[must_use]
    pub fn new(name: impl Into<String>, mechanism: &'static str) -> Self {
        Self {
            name: name.into(),
            mechanism,
            area: "",
            set: set::PLAIN,
            slow: false,
            expected: Vec::new(),
            injections: Vec::new(),
        }
    }

    /// Injects something.
    #[must_use]
    pub fn with(mut self, injection: impl for<'a> Fn(&mut Scene<'a>) + 'static) -> Self {
        self.injections.push(Box::new(injection));
        self
    }

    /// Overrides a key of the configuration.
    #[must_use]
    pub fn set(self, key: impl Into<String>, value: impl ToString) -> Self {
        let (key, value) = (key.into(), value.to_string());
        self.with(move |scene| scene.set(&key, &value))
    }

    /// An id that must find this fault, and what it must say.
    #[must_use]
    pub fn culprit(self, id: impl Into<String>, says: impl Into<String>) -> Self {
        self.expect(id.into(), says.into(), true)
    }

    /// An id that this fault touches though it is not about it.
    #[must_use]
    pub fn also(self, id: impl Into<String>, says: impl Into<String>) -> Self {
        self.expect(id.into(), says.into(), false)
    }

    /// Text that the findings of the id named last must hold: a message, a hint or a subject.
    #[must_use]
    pub fn telling(mut self, text: impl Into<String>) -> Self {
        let last = self.expected.last_mut().expect("a culprit before what it tells");
        last.telling.push(text.into());
        self
    }

    /// Runs the checks of tier `slow` too.
    #[must_use]
    pub const fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// Happens to other servers than the usual ones.
    #[must_use]
    pub const fn on(mut self, set: Set) -> Self {
        self.set = set;
        self
    }

    /// The ids that this fault is about, with what they must say.
    pub fn culprits(&self) -> impl Iterator<Item = &Expectation> {
        self.expected.iter().filter(|expectation| expectation.culprit)
    }

    /// Whether a word of the command line means this row: part of its name, area, mechanism, set or a culprit's id.
    #[must_use]
    pub fn matches(&self, filter: &str) -> bool {
        let filter = filter.to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&filter);
        holds(&format!("{}/{}", self.area, self.name))
            || holds(self.mechanism)
            || holds(self.set.name)
            || self.culprits().any(|culprit| holds(&culprit.id))
    }

    fn expect(mut self, id: String, says: String, culprit: bool) -> Self {
        self.expected.push(Expectation { id, says, telling: Vec::new(), culprit });
        self
    }

    /// Lets it happen to the scene.
    fn inject(&self, scene: &mut Scene<'_>) {
        for injection in &self.injections {
            injection(scene);
        }
    }
}
