use std::path::Path;
use std::time::Instant;

use super::*;

/// A helper that changes the directory and starts programs, and nothing else.
fn helper() -> Helper {
    Helper { argv: ["sh", "-c", "cd \"$3\" && shift 3 && exec \"$@\"", "helper"].map(Into::into).to_vec() }
}

/// A site of no Django: `manage.py` runs what it is told after `before`, and its settings are the lines of `settings`.
fn site(before: &str, settings: &str) -> (tempfile::TempDir, Config) {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "manage.py",
        &format!(
            "import os, sys, time\n{before}\nassert sys.argv[1:3] == ['shell', '-c']\nexec(sys.argv[3])\n"
        ),
    );
    write("django/__init__.py", "");
    write(
        "django/conf.py",
        &format!("class settings:\n    USE_CELERY = False\n    {}\n", settings.replace('\n', "\n    ")),
    );
    let mut config = crate::testing::config();
    config.site.dir = dir.path().to_owned();
    config.site.python = "/usr/bin/python3".into();
    (dir, config)
}

fn caller() -> Caller {
    Caller { uid: 1000, user: "tester".to_owned(), host: "laptop".to_owned() }
}

async fn answer(before: &str, settings: &str) -> Result<super::super::Imported, ImportError> {
    let (dir, config) = site(before, settings);
    let asked = ask(&config, &caller(), &helper(), DEADLINE).await;
    assert!(!dir.path().join("__pycache__").exists(), "nothing is left in the site's directory");
    asked.map(|(answer, user)| {
        assert_eq!(user, None);
        answer.understand(Path::new("/site"))
    })
}

async fn failure(before: &str, settings: &str) -> String {
    answer(before, settings).await.map(|imported| imported.entries.len()).unwrap_err().message
}

#[tokio::test]
async fn a_site_that_prints_on_both_outputs_is_understood() {
    let before = "print('settings loaded {\"settings\": {}}', flush=True)\nprint('warning', file=sys.stderr)";
    let imported =
        answer(before, "TIME_ZONE = 'America/Vancouver'\nEMAIL_HOST = 'mail'\nEMAIL_PORT = '2525'")
            .await
            .unwrap();
    let key =
        |key: &str| imported.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    assert_eq!(key("site.timezone"), Some(crate::config::Value::Text("America/Vancouver".to_owned())));
    assert_eq!(key("email.port"), Some(crate::config::Value::Integer(2525)));
}

#[tokio::test]
async fn a_site_that_cannot_be_imported_says_why() {
    let message = failure("", "import nowhere_to_be_found").await;
    assert!(message.contains("reading its settings raised `ModuleNotFoundError`"), "{message}");
    let message = failure("import nowhere_to_be_found", "").await;
    assert!(message.ends_with("ModuleNotFoundError: No module named 'nowhere_to_be_found'"), "{message}");
}

#[tokio::test]
async fn a_site_that_ends_without_an_answer_or_with_garbage_is_told() {
    let message = failure("sys.exit(3)", "").await;
    assert!(message.contains("exit status: 3"), "{message}");
    let message = failure("os.write(0, b'{\"settings\": s3cret')\nsys.exit(0)", "").await;
    assert!(message.ends_with("what came back is not the answer"), "{message}");
}

#[tokio::test]
async fn a_site_that_prints_without_end_is_cut_off() {
    let started = Instant::now();
    let message = failure("while True: os.write(1, b'x' * 65536)", "").await;
    assert!(message.contains("gave no answer"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_site_that_never_answers_costs_the_deadline_and_its_process_is_ended() {
    let (dir, config) = site("open('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)", "");
    let deadline = Duration::from_secs(2);
    let started = Instant::now();
    let Err(error) = ask(&config, &caller(), &helper(), deadline).await else { panic!() };
    assert!(error.message.ends_with("it was silent for 2 s"), "{error}");
    assert!(started.elapsed() < deadline + Duration::from_secs(2), "{:?}", started.elapsed());
    let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid).exists());
}

#[tokio::test]
async fn a_missing_interpreter_is_told() {
    let (_dir, mut config) = site("", "");
    config.site.python = "/no/such/python".into();
    let Err(error) = ask(&config, &caller(), &helper(), DEADLINE).await else { panic!() };
    assert!(error.message.contains("/no/such/python"), "{error}");
}

#[tokio::test]
async fn only_root_and_the_sites_user_may_ask() {
    let (_dir, mut config) = site("", "TIME_ZONE = 'UTC'");
    config.site.user = Some("coursys-of-the-test".to_owned());
    let Err(error) = ask(&config, &caller(), &helper(), DEADLINE).await else { panic!() };
    assert!(error.refused && error.hint.contains("sudo"), "{error:?}");
    let root = Caller { uid: 0, ..caller() };
    let Err(error) = ask(&config, &root, &helper(), DEADLINE).await else { panic!() };
    assert_eq!(error.message, "there is no user `coursys-of-the-test` on this machine");
    let own = Caller { user: "coursys-of-the-test".to_owned(), ..caller() };
    assert!(ask(&config, &own, &helper(), DEADLINE).await.is_ok());
}

#[tokio::test]
async fn root_runs_no_site_as_itself_that_others_can_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, config) = site("", "TIME_ZONE = 'UTC'");
    let manage = dir.path().join("manage.py");
    std::fs::set_permissions(&manage, std::fs::Permissions::from_mode(0o666)).unwrap();
    let root = Caller { uid: 0, user: "root".to_owned(), ..caller() };
    let Err(error) = ask(&config, &root, &helper(), DEADLINE).await else { panic!() };
    assert!(error.refused && error.message.starts_with("root does not run `"), "{error:?}");
}
