//! Asking the site through its own Python, as its user, or in its container.

use coursys_ops_core::Scope;
use coursys_ops_core::config::{answered, site_complaint};
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::Output;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::site_account::site_account;
use crate::site_container::site_container;

/// Runs a program in the site's Python and returns what it leaves in the variable `answer`.
///
/// The program finds `question` in the variable `ask`. Nothing is in an argument, and nothing is left in the site's
/// directory.
///
/// # Errors
///
/// A finding: this caller may not ask, or the site's Python failed.
pub(crate) async fn ask_site<T: DeserializeOwned>(
    scope: &Scope,
    program: &str,
    question: &(impl Serialize + Sync),
) -> Result<T, Finding> {
    let output = tell_site(scope, program, question).await?;
    if output.answer.is_empty() {
        return Err(site_failed(&site_complaint(&output)));
    }
    serde_json::from_slice(&output.answer).map_err(|error| site_failed(&error.to_string()))
}

/// The same for who wants to know all that came of it.
///
/// # Errors
///
/// A finding: this caller may not ask, or the site's Python could not be run to its end.
pub(crate) async fn tell_site(
    scope: &Scope,
    program: &str,
    question: &(impl Serialize + Sync),
) -> Result<Output, Finding> {
    let program =
        script(program, question).map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))?;
    let config = scope.config();
    let (command, understand): (_, fn(Output) -> Output) = match site_container(scope).await? {
        Some(container) => {
            let socket = config.docker.socket.as_deref();
            (config.site.python_in(&container.id, socket, program, scope.remaining()), answered)
        }
        None => (config.site.python(program, site_account(scope, "manage.py").await?), |output| output),
    };
    scope.run(command).await.map(understand).map_err(|error| site_failed(&error.to_string()))
}

/// The site's Python failed to answer.
pub(crate) fn site_failed(why: &str) -> Finding {
    Finding::failed(
        Code::SiteFailed,
        format!("the site's own Python gave no answer: {why}"),
        "run `manage.py check` in the site's directory as the site's user with `site.python`, and mend what it says",
    )
}

/// The program between its question and its answer.
fn script(program: &str, question: &impl Serialize) -> serde_json::Result<String> {
    // A JSON text in a JSON text is also a Python literal.
    let question = serde_json::to_string(&serde_json::to_string(question)?)?;
    Ok(format!(
        "import json, os\nask = json.loads({question})\n{program}\n\
         text = json.dumps(answer).encode(\"utf-8\")\nwhile text:\n    text = text[os.write(0, text):]\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_question_breaks_out_of_its_literal() {
        let text = "\"'\\\n\u{1f600}\u{2028}); import os #";
        let script = script("answer = ask", &text).unwrap();
        let literal = script.lines().find_map(|line| line.strip_prefix("ask = json.loads(")).unwrap();
        let inner: String = serde_json::from_str(literal.strip_suffix(')').unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<String>(&inner).unwrap(), text);
    }
}
