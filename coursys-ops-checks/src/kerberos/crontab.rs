//! The jobs of a crontab.

/// Whether a crontab has a job with this word in its command. Comments and settings of variables are no jobs, and neither is
/// what runs only when the machine starts.
pub(crate) fn has_job(text: &str, word: &str) -> bool {
    text.lines().filter_map(command).any(|command| command.contains(word))
}

/// The command of a line that is a job.
fn command(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(special) = line.strip_prefix('@') {
        let (when, command) = special.split_once(char::is_whitespace)?;
        return (when != "reboot").then(|| command.trim_start());
    }
    if !line.starts_with(|c: char| c.is_ascii_digit() || c == '*') {
        return None;
    }
    // Minute, hour, day of the month, month, day of the week.
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.split_once(char::is_whitespace)?.1.trim_start();
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRONTAB: &str = "# m h dom mon dow command\nMAILTO=kinit@example.org\n\n\
        10 * * * * cd /coursys && /venv/bin/python manage.py ping\n  30 */2  * * *\t/usr/bin/kinit -k -t ~/kerberos/adsfu.keytab\n";

    #[test]
    fn a_job_is_found_by_a_word_of_its_command() {
        assert!(has_job(CRONTAB, "kinit"));
        assert!(!has_job(CRONTAB, "backup"));
        assert!(has_job("@hourly /usr/local/bin/kinit-refresh", "kinit"));
    }

    #[test]
    fn comments_settings_and_jobs_of_the_start_refresh_nothing() {
        for text in [
            "",
            "#30 */2 * * * kinit\n",
            "  # 30 */2 * * * kinit",
            "MAILTO=kinit\n",
            "@reboot kinit",
            "30 */2 * * kinit",
            "@kinit",
        ] {
            assert!(!has_job(text, "kinit"), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", word in ".{0,3}") {
            has_job(&text, &word);
        }
    }
}
