//! Puts a demo site into a directory, or renews the one that is there.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Zoned;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, SqliteConnection};

use super::content;
use crate::failure::Failure;
use crate::output;

/// What a new directory lets whom do: everything to its owner, reading to others.
const DIRECTORY_MODE: u32 = 0o755;
/// Dumps hold everything that is known about people.
const DUMP_MODE: u32 = 0o600;

/// Makes the site or renews it. Nothing is written into a directory that is somebody else's or holds something else.
///
/// # Errors
///
/// Refused, when the directory is not for a demo or cannot be written.
pub fn make(dir: &Path) -> Result<(), Failure> {
    claim(dir)?;
    let now = Zoned::now();
    for name in content::DIRECTORIES {
        directory(&dir.join(name)).map_err(|error| cannot("make", &dir.join(name), &error))?;
    }
    // First of all: from now on the directory is known for a demo, also when the rest is interrupted.
    output::replace(&dir.join(content::CONFIG_FILE), content::CONFIG)?;
    for (name, text) in content::logs(&now) {
        output::replace(&dir.join(name), &text)?;
    }
    database(&dir.join(content::DATABASE), &now)?;
    let dump = dir.join(content::dump_name(&now));
    write_dump(&dump, &now).map_err(|error| cannot("write", &dump, &error))
}

/// Makes sure that the directory exists and may be used.
fn claim(dir: &Path) -> Result<(), Failure> {
    let here = || dir.display();
    let metadata = match fs::symlink_metadata(dir) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut builder = DirBuilder::new();
            return builder
                .recursive(true)
                .mode(DIRECTORY_MODE)
                .create(dir)
                .map_err(|error| cannot("make", dir, &error));
        }
        Err(error) => return Err(cannot("look at", dir, &error)),
    };
    let another = "name a directory that does not exist yet, as in `coursys-ops demo another-demo`";
    if !metadata.is_dir() {
        return Err(Failure::refused(format!("`{}` is not a directory", here())).with_hint(another));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(Failure::refused(format!("`{}` belongs to another user", here())).with_hint(another));
    }
    let mut entries = fs::read_dir(dir).map_err(|error| cannot("look into", dir, &error))?;
    let marked = || {
        fs::read_to_string(dir.join(content::CONFIG_FILE)).is_ok_and(|text| text.starts_with(content::MARK))
    };
    if entries.next().is_none() || marked() {
        return Ok(());
    }
    Err(Failure::refused(format!("`{}` is not empty and holds no demo", here())).with_hint(another))
}

/// Makes a directory, or gives it back to its owner when somebody tried what a check says about a closed one.
fn directory(dir: &Path) -> std::io::Result<()> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(dir)?;
            if !metadata.is_dir() {
                return Err(std::io::ErrorKind::NotADirectory.into());
            }
            if metadata.mode() & 0o700 != 0o700 {
                fs::set_permissions(dir, fs::Permissions::from_mode(DIRECTORY_MODE))?;
            }
            Ok(())
        }
        other => other,
    }
}

/// Makes a new database beside the old one and puts it in its place.
fn database(path: &Path, now: &Zoned) -> Result<(), Failure> {
    let beside = path.with_extension(format!("new.{}", std::process::id()));
    let filled = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(sqlx::Error::Io)
        .and_then(|runtime| runtime.block_on(fill(&beside, now)));
    let placed = filled
        .map_err(|error| error.to_string())
        .and_then(|()| fs::rename(&beside, path).map_err(|error| error.to_string()));
    placed.map_err(|error| {
        // The first error is the one that counts.
        let _ = fs::remove_file(&beside);
        Failure::refused(format!("cannot make the database `{}`: {error}", path.display()))
    })
}

async fn fill(path: &Path, now: &Zoned) -> sqlx::Result<()> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    // One file, nothing beside it; it is renamed only when it is complete.
    let options = options.journal_mode(SqliteJournalMode::Memory).disable_statement_logging();
    let mut connection: SqliteConnection = options.connect().await?;
    connection.execute(content::TABLES).await?;
    for semester in content::semesters(now) {
        sqlx::query(r#"INSERT INTO coredata_semester (name, start, "end") VALUES (?, ?, ?)"#)
            .bind(semester.name)
            .bind(semester.start)
            .bind(semester.end)
            .execute(&mut connection)
            .await?;
    }
    for (label, name, slug, config) in content::units(now) {
        sqlx::query("INSERT INTO coredata_unit (label, name, slug, config) VALUES (?, ?, ?, ?)")
            .bind(label)
            .bind(name)
            .bind(slug)
            .bind(config)
            .execute(&mut connection)
            .await?;
    }
    for (emplid, userid, last_name, first_name) in content::PEOPLE {
        sqlx::query(
            "INSERT INTO coredata_person (emplid, userid, last_name, first_name, config) VALUES (?, ?, ?, ?, '{}')",
        )
        .bind(emplid)
        .bind(userid)
        .bind(last_name)
        .bind(first_name)
        .execute(&mut connection)
        .await?;
    }
    connection.close().await
}

fn write_dump(path: &Path, now: &Zoned) -> std::io::Result<()> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(content::dump(now).as_bytes())?;
    let bytes = gzip.finish()?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::File::create_new(path)?;
    file.set_permissions(fs::Permissions::from_mode(DUMP_MODE))?;
    file.write_all(&bytes)
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::refused(format!("cannot {what} `{}`: {error}", path.display()))
        .with_hint("name a directory that you may write to, as in `coursys-ops demo /tmp/coursys-demo`")
}
