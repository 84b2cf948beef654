//! cron on a staging server, when its time has come: its clock alone is moved, by libfaketime.

use std::fs;
use std::time::Duration;

use crate::staging::Staging;

/// Where systemd reads how cron is started meanwhile.
const DROP_IN: &str = "/run/systemd/system/cron.service.d";

/// cron looks once a minute; a busy machine is a little late.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server whose cron lives in another time until this is dropped.
pub struct CronAt<'a> {
    server: &'a Staging,
    since: String,
}

impl Staging {
    /// Restarts cron with a clock that now shows `time`: `2030-01-01 04:59:30`. Nothing else on the server lives in it.
    ///
    /// # Panics
    /// cron does not start.
    #[must_use]
    pub fn cron_at(&self, time: &str) -> CronAt<'_> {
        let library = self.done(&["sh", "-c", "echo /usr/lib/*/faketime/libfaketime.so.1"]);
        self.done(&["mkdir", "-p", DROP_IN]);
        let lines = format!("[Service]\nEnvironment=LD_PRELOAD={library} \"FAKETIME=@{time}\"\n");
        fs::write(self.path(&format!("{DROP_IN}/time.conf")), lines).expect("a drop-in");
        self.systemctl(&["daemon-reload"]);
        let since = self.done(&["date", "+%s.%N"]);
        self.systemctl(&["restart", "cron"]);
        CronAt { server: self, since }
    }
}

impl CronAt<'_> {
    /// Waits until cron has begun a command of its tables since then.
    ///
    /// # Panics
    /// It does not.
    pub fn wait_for(&self, command: &str) {
        let since = format!("--since=@{}", self.since);
        self.server.wait_until(PATIENCE, &format!("cron runs `{command}`"), |server| {
            let said = server.run(&["journalctl", "--no-pager", "--output=cat", "--identifier=CRON", &since]);
            said.stdout.contains(&format!("CMD ({command})"))
        });
    }
}

impl Drop for CronAt<'_> {
    fn drop(&mut self) {
        let _ = self.server.run(&["rm", "-r", DROP_IN]);
        let _ = self.server.run(&["systemctl", "daemon-reload"]);
        let _ = self.server.run(&["systemctl", "restart", "cron"]);
    }
}
