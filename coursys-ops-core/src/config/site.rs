//! The site's own Python: as whoever asks decides, in the site's directory, with the site's variables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Site;
use crate::process::{Command, Output, User};
use crate::secret::REDACTED;
use crate::trust;

/// What `manage.py shell` is told: the program comes by standard input, which is a socket, and its answer goes back
/// through it. Standard output is the site's own.
const BOOTSTRAP: &str = "import os; exec(os.fdopen(0, encoding=\"utf-8\", closefd=False).read(), {\"__name__\": \"coursys_ops\"})";

/// What stands before the answer of a site in a container, where it shares standard output with whatever the site prints
/// while it starts.
const ANSWER: &[u8] = b"\x1ecoursys-ops\x1e";

/// The longest part of the site's complaint that a message repeats, in characters.
const LONGEST_COMPLAINT: usize = 200;

impl Site {
    /// Runs a program with the site's settings. It writes its answer to descriptor 0.
    #[must_use]
    pub fn python(&self, program: impl Into<Vec<u8>>, user: Option<User>) -> Command {
        let argv = [
            self.python.as_os_str(),
            "manage.py".as_ref(),
            "shell".as_ref(),
            "-c".as_ref(),
            BOOTSTRAP.as_ref(),
        ];
        let command = Command::new(argv).dir(&self.dir).user(user).input(program).answering();
        self.environment().fold(command, |command, (name, value)| command.env(name, value))
    }

    /// The same in a container, as the account and with the variables that the site has there; [`answered`] finds the answer
    /// in what comes out. In a container nothing ends with whoever called it: after `limit` it ends by itself.
    #[must_use]
    pub fn python_in(
        &self,
        container: &str,
        socket: Option<&Path>,
        program: impl Into<Vec<u8>>,
        limit: Duration,
    ) -> Command {
        let seconds = limit.as_secs().saturating_add(1);
        // Descriptor 0 is a pipe here, which nothing can be written to: it becomes what standard output was.
        let bootstrap = format!(
            "import os, signal; signal.alarm({seconds}); \
             program = os.fdopen(0, encoding=\"utf-8\", closefd=False).read(); \
             os.write(1, b\"\\x1ecoursys-ops\\x1e\"); os.dup2(1, 0); os.dup2(2, 1); \
             exec(program, {{\"__name__\": \"coursys_ops\"}})"
        );
        let mut argv: Vec<OsString> = vec!["docker".into()];
        if let Some(socket) = socket {
            let mut host = OsString::from("unix://");
            host.push(socket);
            argv.extend(["--host".into(), host]);
        }
        let variable = "--env=PYTHONDONTWRITEBYTECODE=1";
        argv.extend(["exec", "--interactive", variable, "--workdir"].map(Into::into));
        argv.extend([self.dir.clone().into(), container.into(), self.python.clone().into()]);
        argv.extend(["manage.py", "shell", "-c", &bootstrap].map(Into::into));
        Command::new(argv).dir("/").input(program)
    }

    /// Why root must not run the site as itself: others can have written its `manage.py`. A file that is missing is told
    /// by whoever starts it.
    #[must_use]
    pub fn dangerous_for_root(&self) -> Option<String> {
        self.dangerous_file("manage.py")
    }

    /// The same for another file of the site's directory that is run, or that says what is run.
    #[must_use]
    pub fn dangerous_file(&self, file: impl AsRef<Path>) -> Option<String> {
        let file = self.dir.join(file);
        let distrust = trust::only_root_writes(&file).ok()?.err()?;
        Some(format!("root does not run `{}` as itself: {}", file.display(), distrust.message))
    }

    /// The site's own variables, and what keeps its Python from leaving compiled files in its directory.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, OsString)> {
        let path = |path: &Option<PathBuf>| path.clone().map(OsString::from);
        [
            ("PYTHONDONTWRITEBYTECODE", Some("1".into())),
            ("COURSYS_USER", self.user.clone().map(OsString::from)),
            ("COURSYS_USER_HOME", path(&self.user_home)),
            ("COURSYS_DIR", Some(self.dir.clone().into())),
            ("COURSYS_DEPLOY_MODE", self.deploy_mode.clone().map(OsString::from)),
            ("COURSYS_STATIC_DIR", path(&self.static_dir)),
            ("COURSYS_DATA_ROOT", path(&self.data_root)),
            ("PYTHON", Some(self.python.clone().into())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// What a site in a container left, with the answer where it is when there is no container.
#[must_use]
pub fn answered(mut output: Output) -> Output {
    let at = output.stdout.windows(ANSWER.len()).position(|window| window == ANSWER);
    if let Some(at) = at {
        let answer = output.stdout.split_off(at);
        output.answer = answer.get(ANSWER.len()..).unwrap_or_default().to_vec();
    }
    output
}

/// Why the site's Python gave no answer, in its own words.
#[must_use]
pub fn site_complaint(output: &Output) -> String {
    harmless(&output.complaint())
}

/// A line from outside without the user part of URLs, which holds passwords, and no longer than helps.
#[must_use]
pub fn harmless(line: &str) -> String {
    let mut safe = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        safe.push_str(before);
        safe.push_str("://");
        // A password that was never encoded may hold anything but a blank.
        let (word, _) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        rest = match word.rfind('@').and_then(|at| after.get(at..)) {
            Some(from_at) => {
                safe.push_str(REDACTED);
                from_at
            }
            None => after,
        };
    }
    safe.push_str(rest);
    safe.chars().take(LONGEST_COMPLAINT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_site_prints_while_it_starts_is_no_part_of_its_answer() {
        let status = std::process::ExitStatus::default().into();
        let output =
            |stdout: &[u8]| Output { status, stdout: stdout.to_vec(), stderr: vec![], answer: vec![] };
        let found = answered(output(b"loading apps\n\x1ecoursys-ops\x1e{\"a\": 1}"));
        assert_eq!(found.answer, b"{\"a\": 1}");
        assert_eq!(found.stdout, b"loading apps\n");
        assert_eq!(answered(output(b"Traceback")).answer, b"");
    }

    #[test]
    fn a_complaint_repeats_no_password_of_a_url() {
        let line = "cannot parse amqp://coursys:p@ss/w%rd@host:5672/vhost and redis://x:y@h too";
        let safe = harmless(line);
        assert_eq!(safe, "cannot parse amqp://[redacted]@host:5672/vhost and redis://[redacted]@h too");
        assert_eq!(harmless("see https://docs.example.ca/x"), "see https://docs.example.ca/x");
        assert_eq!(harmless(&"x".repeat(999)).len(), LONGEST_COMPLAINT);
    }
}
