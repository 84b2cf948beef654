//! What Python prints when it ends with an exception.

use std::path::Path;

use coursys_ops_core::config::harmless;

/// An exception that nobody caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traceback {
    /// The last line: `ModuleNotFoundError: No module named 'x'`.
    pub exception: String,
    /// The place nearest to it in the site's own files, else the nearest: `courses/settings.py:12`.
    pub place: Option<String>,
}

impl Traceback {
    /// Reads what was printed on standard error; nothing when there is no traceback in it.
    pub(crate) fn parse(stderr: &[u8], site_dir: &Path) -> Option<Self> {
        let text = String::from_utf8_lossy(stderr);
        // Of several the last one ended the program; those before it are its causes.
        let from = text.rfind("Traceback (most recent call last):").or_else(|| text.rfind("  File \""))?;
        let text = text.get(from..)?;
        let exception = text.lines().rev().map(str::trim_end).find(|line| is_exception(line))?;
        let places: Vec<(&str, &str)> = text.lines().filter_map(place).collect();
        let own = |(file, _): &&(&str, &str)| Path::new(file).starts_with(site_dir);
        let nearest = places.iter().rev().find(own).or(places.last());
        let place = nearest.map(|(file, line)| {
            let file = Path::new(file);
            format!("{}:{line}", file.strip_prefix(site_dir).unwrap_or(file).display())
        });
        Some(Self { exception: harmless(exception), place: place.map(|place| harmless(&place)) })
    }
}

/// Whether a line begins with the name of an exception: a word with dots, then nothing or a colon.
fn is_exception(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let good = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(good)
}

/// `  File "FILE", line N, in x`.
fn place(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let number = rest.split(',').next()?.trim();
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some((file, number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Option<(String, Option<String>)> {
        Traceback::parse(text.as_bytes(), Path::new("/coursys")).map(|found| (found.exception, found.place))
    }

    #[test]
    fn the_last_exception_counts_with_the_sites_nearest_line() {
        let text = "\
noise: of the site
Traceback (most recent call last):
  File \"/coursys/a.py\", line 3, in x
    import y
KeyError: 'y'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"/coursys/manage.py\", line 14, in <module>
    main()
  File \"/coursys/courses/settings.py\", line 9, in <module>
    import nonsense
  File \"/usr/lib/python3/importlib.py\", line 126, in import_module
    return _bootstrap._gcd_import(name)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
ModuleNotFoundError: No module named 'nonsense'
";
        let expected =
            ("ModuleNotFoundError: No module named 'nonsense'", Some("courses/settings.py:9".to_owned()));
        assert_eq!(parse(text), Some((expected.0.to_owned(), expected.1)));
    }

    #[test]
    fn a_syntax_error_has_the_place_of_the_broken_line() {
        let text = "Traceback (most recent call last):\n  File \"/usr/lib/x.py\", line 1, in y\n    z\n  File \
                    \"/coursys/courses/settings.py\", line 20\n    DEBUG = = 1\n            ^\nSyntaxError: invalid syntax\n";
        assert_eq!(
            parse(text),
            Some(("SyntaxError: invalid syntax".to_owned(), Some("courses/settings.py:20".to_owned())))
        );
    }

    #[test]
    fn a_message_of_several_lines_and_a_bare_exception_are_told_by_their_first_line() {
        let text =
            "Traceback (most recent call last):\n  File \"/x.py\", line 1, in y\n    z\nKeyboardInterrupt\n";
        assert_eq!(parse(text), Some(("KeyboardInterrupt".to_owned(), Some("/x.py:1".to_owned()))));
        assert_eq!(parse("cannot start python: no such file"), None);
    }

    #[test]
    fn no_password_of_a_url_is_repeated() {
        let text = "Traceback (most recent call last):\n  File \"/x.py\", line 1, in y\n    z\nValueError: amqp://u:secret@h/v\n";
        assert!(!parse(text).unwrap().0.contains("secret"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_traceback_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Traceback::parse(&bytes, Path::new("/coursys"));
            let lines = [b"Traceback (most recent call last):\n  File \"".as_slice(), &bytes].concat();
            let _ = Traceback::parse(&lines, Path::new("/coursys"));
        }
    }
}
