//! Whether a file can be run, without running it. In the helper, because the file may lie on network storage.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{Access, OFlags, access};
use serde::{Deserialize, Serialize};

/// No kernel reads more of the first line, in bytes.
const LONGEST_LINE: u64 = 256;

/// A file that may be a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Whether it is a file and no directory, device or the like.
    pub is_file: bool,
    /// Whether whoever asked may execute it.
    pub executable: bool,
    /// The interpreter of its first line with that one's arguments; empty when the first line names none.
    pub interpreter: Vec<String>,
    /// Whether whoever asked may execute the interpreter.
    pub interpreter_executable: bool,
}

pub(super) fn program(path: &Path) -> std::io::Result<Program> {
    let is_file = std::fs::metadata(path)?.is_file();
    let mut head = Vec::new();
    if is_file {
        // What has become a pipe since must not hold us.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        file.take(LONGEST_LINE).read_to_end(&mut head)?;
    }
    let interpreter = interpreter(&head);
    let may = |path: &Path| access(path, Access::EXEC_OK).is_ok();
    Ok(Program {
        is_file,
        executable: is_file && may(path),
        interpreter_executable: interpreter.first().is_some_and(|program| may(Path::new(program))),
        interpreter,
    })
}

/// The words after `#!`, as far as they are text.
fn interpreter(head: &[u8]) -> Vec<String> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let words = line.strip_prefix(b"#!").map(String::from_utf8_lossy).unwrap_or_default();
    words.split_ascii_whitespace().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_script_is_known_with_its_interpreter_and_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("moss.pl");
        std::fs::write(&path, "#!/bin/sh -e\nexit\n").unwrap();
        let found = program(&path).unwrap();
        assert_eq!(found.interpreter, ["/bin/sh", "-e"]);
        assert!(found.is_file && found.interpreter_executable && !found.executable);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(program(&path).unwrap().executable);
        std::fs::write(&path, "#!/no/such/perl\n").unwrap();
        assert!(!program(&path).unwrap().interpreter_executable);
        assert!(!program(dir.path()).unwrap().is_file);
        assert_eq!(program(&dir.path().join("x")).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }

    proptest::proptest! {
        #[test]
        fn any_first_line_has_words_or_none(head in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let words = interpreter(&head);
            proptest::prop_assert!(head.starts_with(b"#!") || words.is_empty());
        }
    }
}
