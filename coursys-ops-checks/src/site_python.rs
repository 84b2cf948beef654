//! Asking the site through its own Python: as its user, in its directory, through `manage.py shell`.

use coursys_ops_core::Scope;
use coursys_ops_core::config::Site;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::Command;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Runs a program in the site's Python and returns what it leaves in the variable `answer`.
///
/// The program finds `question` in the variable `ask`. Everything goes by standard input, and the answer is found behind
/// a mark that nobody can guess, because sites print on standard output. Nothing is written to the site's directory.
///
/// # Errors
///
/// A finding: this caller may not ask, or the site's Python failed.
pub(crate) async fn ask_site<T: DeserializeOwned>(
    scope: &Scope,
    program: &str,
    question: &(impl Serialize + Sync),
) -> Result<T, Finding> {
    let user = scope.site_user().await?;
    let site = &scope.config().site;
    let mark = uuid::Uuid::new_v4().simple().to_string();
    let input = script(program, question, &mark)
        .map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))?;
    let mut command =
        Command::new([site.python.as_os_str(), "manage.py".as_ref(), "shell".as_ref()]).dir(&site.dir);
    for (name, value) in environment(site) {
        command = command.env(name, value);
    }
    let output = scope.run(command.user(user).input(input)).await;
    let output = output.map_err(|error| site_failed(&error.to_string()))?;
    match find(&output.stdout, &mark) {
        Some(answer) => serde_json::from_slice(answer).map_err(|error| site_failed(&error.to_string())),
        None => Err(site_failed(&output.complaint())),
    }
}

/// The site's Python failed to answer.
fn site_failed(why: &str) -> Finding {
    Finding::failed(
        Code::SiteFailed,
        format!("the site's own Python gave no answer: {why}"),
        "run `manage.py check` in the site's directory as the site's user with `site.python`, and mend what it says",
    )
}

/// What the site's settings may look at; never a secret.
fn environment(site: &Site) -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    let path = |path: &Option<std::path::PathBuf>| path.clone().map(Into::into);
    [
        // Without it a probe would leave compiled files in the site's directory.
        ("PYTHONDONTWRITEBYTECODE", Some("1".into())),
        ("COURSYS_USER", site.user.clone().map(Into::into)),
        ("COURSYS_USER_HOME", path(&site.user_home)),
        ("COURSYS_DIR", Some(site.dir.clone().into())),
        ("COURSYS_DEPLOY_MODE", site.deploy_mode.clone().map(Into::into)),
        ("COURSYS_STATIC_DIR", path(&site.static_dir)),
        ("COURSYS_DATA_ROOT", path(&site.data_root)),
        ("PYTHON", Some(site.python.clone().into())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

/// The program with its question before it and its answer's mark behind it.
fn script(program: &str, question: &impl Serialize, mark: &str) -> serde_json::Result<String> {
    // A JSON text in a JSON text is also a Python literal.
    let question = serde_json::to_string(&serde_json::to_string(question)?)?;
    Ok(format!(
        "import json, sys\nask = json.loads({question})\n{program}\n\
         sys.stdout.write('\\n{mark}' + json.dumps(answer) + '\\n')\nsys.stdout.flush()\n"
    ))
}

/// The rest of the line that begins with the mark.
fn find<'a>(printed: &'a [u8], mark: &str) -> Option<&'a [u8]> {
    printed.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(mark.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_found_whatever_the_site_prints_around_it() {
        let printed = b"settings loaded\n{\"not\": \"this\"}\n\n1234{\"a\": 1}\ngoodbye";
        assert_eq!(find(printed, "1234"), Some(&b"{\"a\": 1}"[..]));
        assert_eq!(find(b"settings loaded", "1234"), None);
    }

    #[test]
    fn no_question_breaks_out_of_its_literal() {
        let text = "\"'\\\n\u{1f600}\u{2028}); import os #";
        let script = script("answer = ask", &text, "m").unwrap();
        let literal = script.lines().find_map(|line| line.strip_prefix("ask = json.loads(")).unwrap();
        let inner: String = serde_json::from_str(literal.strip_suffix(')').unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<String>(&inner).unwrap(), text);
    }
}
