//! Where a fault happens: the servers, the program that will look at them, and what undoes the fault.

use std::path::{Path, PathBuf};

use crate::{Program, Servers};

/// Something whose `Drop` undoes part of a fault.
trait Guard {}

impl<T> Guard for T {}

/// What an injection changes.
pub struct Scene<'a> {
    /// The set of servers.
    pub servers: &'a Servers,
    program: Program,
    pub(super) check_args: Vec<String>,
    /// Whether the program's invocation is another one: then the fault is there for nobody else.
    pub(super) for_the_program_alone: bool,
    guards: Vec<Box<dyn Guard + 'a>>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(servers: &'a Servers) -> Self {
        Self {
            servers,
            program: servers.program(),
            check_args: Vec::new(),
            for_the_program_alone: false,
            guards: Vec::new(),
        }
    }

    /// Overrides a key of the program's configuration.
    pub fn set(&mut self, key: &str, value: impl std::fmt::Display) {
        self.for_the_program_alone = true;
        self.program = self.program.clone().set(key, value);
    }

    /// Adds an argument of `check`.
    pub fn arg(&mut self, arg: impl Into<String>) {
        self.for_the_program_alone = true;
        self.check_args.push(arg.into());
    }

    /// Lets another program start it: `faketime -f +10s`, `unshare --mount …`.
    pub fn under<A: Into<std::ffi::OsString>>(&mut self, wrapper: impl IntoIterator<Item = A>) {
        self.for_the_program_alone = true;
        self.program = self.program.clone().under(wrapper);
    }

    /// Adds sections to the program's configuration file: in a copy beside the set's own, where relative paths mean the
    /// same.
    pub fn own(&mut self, sections: &str) {
        let before = std::fs::read_to_string(self.program.config()).unwrap();
        let name = tempfile::Builder::new().prefix("own-").suffix(".toml").tempfile_in(self.servers.root());
        let file = name.unwrap().into_temp_path();
        std::fs::write(&file, format!("{before}\n{sections}")).unwrap();
        self.for_the_program_alone = true;
        self.program = self.program.clone().with_config(&file);
        self.hold(file);
    }

    /// Keeps what undoes a change until the row is over. The last one undoes first.
    pub fn hold(&mut self, guard: impl Sized + 'a) {
        self.guards.push(Box::new(guard));
    }

    /// A directory of the row's own that everybody can enter; it goes with the row.
    pub fn directory(&mut self) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::Builder::new().prefix("fault-").tempdir_in(self.servers.tmp()).unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = directory.path().to_owned();
        self.hold(directory);
        path
    }

    /// Puts a file in the place of another one, for the program alone: in a mount namespace of its own.
    pub fn bind(&mut self, file: &Path, over: &Path) {
        let script = r#"mount --bind "$1" "$2"; shift 2; exec "$@""#;
        let mut wrapper: Vec<_> =
            ["unshare", "--mount", "sh", "-euc", script, "sh"].map(PathBuf::from).into();
        wrapper.extend([file.to_owned(), over.to_owned()]);
        self.under(wrapper);
    }

    /// The program as the injections have left it.
    #[must_use]
    pub fn program(&self) -> Program {
        self.program.clone()
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        while self.guards.pop().is_some() {}
    }
}
