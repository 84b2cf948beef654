//! The entry of a program that is its own helper process. See [`coursys_ops_core::helper`].

use std::ffi::OsString;
use std::io::Write;

use coursys_ops_core::helper::serve;

use crate::kerberos;
#[cfg(feature = "odbc")]
use crate::odbc;

/// Serves the one request of these arguments and returns the exit code. The answer goes to `output`, standard output, and
/// what went wrong to `errors`, standard error.
///
/// ```no_run
/// let mut arguments = std::env::args_os().skip(1);
/// if arguments.next().is_some_and(|first| first == "__helper") {
///     let code = coursys_ops_checks::helper::run(arguments, &mut std::io::stdout(), &mut std::io::stderr());
///     std::process::exit(code.into());
/// }
/// ```
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    output: &mut impl Write,
    errors: &mut impl Write,
) -> u8 {
    let told = serve(arguments, further).and_then(|answer| {
        // A library that is called from elsewhere, such as an interpreter, is not flushed at the end.
        let written = output.write_all(answer.as_bytes()).and_then(|()| output.flush());
        written.map_err(|error| error.to_string())
    });
    match told {
        Ok(()) => 0,
        Err(complaint) => {
            // Nobody else could be told.
            let _ = writeln!(errors, "{complaint}");
            1
        }
    }
}

/// What a check asks the helper process for that core does not serve; nothing when there is no such request.
fn further(name: &str) -> Option<Result<String, String>> {
    match name {
        #[cfg(feature = "odbc")]
        odbc::NAME => Some(odbc::serve()),
        kerberos::store::NAME => Some(kerberos::store::serve()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> (u8, String, String) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let code = super::run(arguments.iter().map(OsString::from), &mut output, &mut errors);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (code, text(output), text(errors))
    }

    #[test]
    fn who_is_not_the_program_itself_is_told_so_and_answered_nothing() {
        for strange in [&[][..], &["0"], &["1", "space"], &["x", "space", "/"], &["x", "further", "nothing"]]
        {
            let (code, output, errors) = run(strange);
            assert_eq!((code, output.as_str()), (1, ""), "{strange:?}");
            assert_eq!(errors.lines().count(), 1, "{errors}");
        }
    }
}
