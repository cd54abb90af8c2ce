//! What a simulated host's files say: `/proc`, `df`, `ps`, PM2's list and systemd's units, as a real one writes them.
use super::{
    random::whole,
    world::{HZ, Live, LiveApp, LiveUnit, Status},
};
use crate::core::time::Now;

/// A file to write: its path within the host's folder, and its text.
pub(super) type Sheet = (String, String);

/// GiB in bytes.
const GIB: f64 = 1_073_741_824.0;
/// Bytes a memory page.
const PAGE: u64 = 4_096;

/// Returns what changes with every moment: the files under `proc/`.
pub(super) fn moment(host: &Live, now: Now) -> Vec<Sheet> {
    let mut sheets = vec![
        ("proc/stat".to_owned(), stat(host, now)),
        ("proc/meminfo".to_owned(), meminfo(host)),
        ("proc/loadavg".to_owned(), loadavg(host)),
        ("proc/uptime".to_owned(), uptime(host)),
        ("proc/net/dev".to_owned(), net_dev(host)),
        ("proc/diskstats".to_owned(), diskstats(host)),
    ];
    let busy = host.cpu_pct;
    for (kind, some) in
        [("cpu", (busy - 40.0).max(0.0)), ("memory", (host.mem_pct - 85.0).max(0.0)), ("io", busy / 25.0)]
    {
        let text = format!(
            "some avg10={some:.2} avg60={some:.2} avg300={some:.2} total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
            host.uptime_ms
        );
        sheets.push((format!("proc/pressure/{kind}"), text));
    }
    for (process, ticks) in host.cast.processes.iter().zip(&host.ticks) {
        sheets.push(pid_stat(process.pid, process.comm, *ticks, process.rss_mib, 9_000));
    }
    for app in &host.apps {
        if let Some(pid) = app.pid {
            sheets.push(pid_stat(pid, "node", app.ticks, app.cast.rss_mib, u64::from(pid)));
        }
    }
    sheets
}

/// Returns what changes only when something happens: lists that the commands print.
pub(super) fn lists(host: &Live, now: Now, home: &str) -> Vec<Sheet> {
    let mut sheets = vec![
        ("sim/ps".to_owned(), ps(host)),
        ("sim/df.k".to_owned(), df(host, 1_024.0, "1024-blocks")),
        ("sim/df.b".to_owned(), df(host, 1.0, "1-blocks")),
        ("sim/df.i".to_owned(), df_inodes(host)),
        ("sim/ids".to_owned(), ids(host)),
        ("sim/jlist.json".to_owned(), jlist(host, now, home)),
    ];
    sheets.extend(host.units.iter().map(|unit| (format!("sim/units/{}", unit.cast.name), show(unit, host, now))));
    sheets
}

fn stat(host: &Live, now: Now) -> String {
    let mut all = [0.0; 5];
    let mut cores = String::new();
    for (nth, core) in host.cores.iter().enumerate() {
        all.iter_mut().zip(core).for_each(|(sum, ticks)| *sum += ticks);
        cores.push_str(&cpu_line(&format!("cpu{nth}"), core));
    }
    let running = whole(host.load.first().copied().unwrap_or_default()).max(1);
    let (contexts, booted) = (host.uptime_ms, (now.utc.0 - i64::try_from(host.uptime_ms).unwrap_or_default()) / 1_000);
    format!(
        "{}{cores}intr 1637057\nctxt {contexts}\nbtime {booted}\nprocesses 64007\nprocs_running {running}\nprocs_blocked 0\nsoftirq 548841\n",
        cpu_line("cpu ", &all)
    )
}

fn cpu_line(name: &str, ticks: &[f64; 5]) -> String {
    let [user, system, idle, iowait, steal] = ticks.map(whole);
    format!("{name} {user} 0 {system} {idle} {iowait} 0 0 {steal} 0 0\n")
}

fn meminfo(host: &Live) -> String {
    let total = whole(f64::from(host.cast.mem_gib) * GIB / 1_024.0);
    let available = whole(total as f64 * (1.0 - host.mem_pct / 100.0));
    let free = available / 3;
    let swap_total: u64 = 2_097_148;
    let swap_used = whole(swap_total as f64 * (host.mem_pct - 80.0).max(0.0) / 40.0);
    let rows = [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", available),
        ("Buffers", 22_516),
        ("Cached", available - free),
        ("SwapCached", 0),
        ("SwapTotal", swap_total),
        ("SwapFree", swap_total - swap_used),
        ("Shmem", 9_232),
        ("SReclaimable", 44_017),
    ];
    let mut text = String::new();
    for (name, kib) in rows {
        line!(&mut text, "{:<15} {kib:>9} kB", format!("{name}:"));
    }
    text
}

fn loadavg(host: &Live) -> String {
    let [one, five, fifteen] = host.load;
    format!("{one:.2} {five:.2} {fifteen:.2} {}/217 31663\n", whole(one).max(1))
}

fn uptime(host: &Live) -> String {
    let idle: f64 = host.cores.iter().map(|[_, _, idle, ..]| idle / HZ).sum();
    format!("{:.2} {idle:.2}\n", host.uptime_ms as f64 / 1_000.0)
}

fn net_dev(host: &Live) -> String {
    let [received, sent] = host.net.map(whole);
    format!(
        "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame \
         compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    lo: 63007644   13020    0    0    \
         0     0          0         0 63007644   13020    0    0    0     0       0          0\n  eth0: {received} {}    0    0    \
         0     0          0         0 {sent} {}    0    0    0     0       0          0\n",
        received / 900,
        sent / 900
    )
}

fn diskstats(host: &Live) -> String {
    let [read, written] = host.sectors.map(whole);
    format!(
        "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n   8       0 sda {} 0 {read} {} {} 0 {written} {} 0 {} {} 0 0 0 0 0 \
         0\n   8       1 sda1 {} 0 {read} {} {} 0 {written} {} 0 {} {} 0 0 0 0 0 0\n",
        read / 24,
        read / 30,
        written / 40,
        written / 20,
        written / 25,
        written / 15,
        read / 24,
        read / 30,
        written / 40,
        written / 20,
        written / 25,
        written / 15,
    )
}

/// Field positions as in proc(5): 14 and 15 are the ticks, 22 the start, 24 the resident pages.
fn pid_stat(pid: u32, comm: &str, ticks: f64, rss_mib: u32, start: u64) -> Sheet {
    let (user, system) = (whole(ticks * 0.78), whole(ticks * 0.22));
    let pages = u64::from(rss_mib) * 1_048_576 / PAGE;
    let text = format!(
        "{pid} ({comm}) S 1 {pid} {pid} 0 -1 4194560 0 0 0 0 {user} {system} 0 0 20 0 4 0 {start} {} {pages} \
         18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        pages * PAGE * 3
    );
    (format!("proc/{pid}/stat"), text)
}

/// One line a process, as `ps -o pid= -o user= -o args=` prints it; the shim picks the lines it is asked for.
fn ps(host: &Live) -> String {
    let mut text = String::new();
    for process in host.cast.processes {
        line!(&mut text, "{:>7} {:<8} {}", process.pid, process.user, process.args);
    }
    for app in &host.apps {
        if let Some(pid) = app.pid {
            line!(&mut text, "{pid:>7} {:<8} node /home/deploy/www/{}/current/server.js", "deploy", app.cast.name);
        }
    }
    text
}

fn df(host: &Live, unit: f64, header: &str) -> String {
    let mut text = format!("Filesystem     {header} Used Available Capacity Mounted on\n");
    for (nth, (mount, gib, used_pct)) in host.cast.disks.iter().enumerate() {
        let size = f64::from(*gib) * GIB / unit;
        // Five percent are kept for root, as ext4 does.
        let used = size * used_pct / 100.0 * 0.95;
        let available = size * 0.95 - used;
        line!(
            &mut text,
            "/dev/sda{} {} {} {} {used_pct:.0}% {mount}",
            nth + 1,
            whole(size),
            whole(used),
            whole(available)
        );
    }
    text
}

fn df_inodes(host: &Live) -> String {
    let mut text = "Filesystem     Inodes IUsed IFree IUse% Mounted on\n".to_owned();
    for (nth, (mount, gib, used_pct)) in host.cast.disks.iter().enumerate() {
        let all = u64::from(*gib) * 65_536;
        let used = whole(all as f64 * used_pct / 300.0);
        line!(&mut text, "/dev/sda{} {all} {used} {} {:.0}% {mount}", nth + 1, all - used, used_pct / 3.0);
    }
    text
}

/// Id, name and process of every application, a line each.
fn ids(host: &Live) -> String {
    let mut text = String::new();
    for (id, app) in host.apps.iter().enumerate() {
        line!(&mut text, "{id} {} {}", app.cast.name, app.pid.unwrap_or(0));
    }
    text
}

fn jlist(host: &Live, now: Now, home: &str) -> String {
    let apps: Vec<_> = host.apps.iter().enumerate().map(|(id, app)| jlist_entry(id, app, host, now, home)).collect();
    serde_json::Value::Array(apps).to_string()
}

fn jlist_entry(id: usize, app: &LiveApp, host: &Live, now: Now, home: &str) -> serde_json::Value {
    let cast = app.cast;
    let online = app.status == Status::Online;
    let memory = if online { u64::from(cast.rss_mib) * 1_048_576 } else { 0 };
    let cpu = if online { host.cpu_pct * f64::from(host.cast.cores) * cast.share } else { 0.0 };
    let booted = now.utc.0 - i64::try_from(host.uptime_ms).unwrap_or_default();
    let started = if app.started == Now::default() { booted + 60_000 } else { app.started.utc.0 };
    serde_json::json!({
        "pid": app.pid.unwrap_or(0), "name": cast.name, "pm_id": id,
        "monit": { "memory": memory, "cpu": (cpu * 10.0).round() / 10.0 },
        "pm2_env": {
            "name": cast.name, "namespace": "default", "version": app.runs.version, "status": app.status.word(),
            "pm_uptime": started, "created_at": booted, "restart_time": app.restarts, "unstable_restarts": 0,
            "exec_mode": "fork_mode", "instances": 1, "exit_code": u8::from(app.status == Status::Errored),
            "pm_exec_path": format!("{home}/www/{}/current/server.js", cast.name),
            "pm_cwd": format!("{home}/www/{}/current", cast.name),
            "pm_out_log_path": format!("{home}/.pm2/logs/{}-out.log", cast.name),
            "pm_err_log_path": format!("{home}/.pm2/logs/{}-error.log", cast.name),
            "node_version": cast.node, "username": "deploy", "autorestart": true, "watch": false,
            // A real list has the whole environment, secrets included; nothing of it may ever be kept or shown.
            "env": { "NODE_ENV": "production", "MONGO_URL": "mongodb://play:not-a-real-secret@10.0.1.31/play" },
        }
    })
}

fn show(unit: &LiveUnit, host: &Live, now: Now) -> String {
    let (active, sub) = if unit.active { ("active", "running") } else { ("inactive", "dead") };
    let since = if unit.from_boot {
        now.utc.0 - i64::try_from(host.uptime_ms).unwrap_or_default() + 20_000
    } else {
        unit.since.utc.0
    };
    let (pid, memory) = if unit.active { (unit.pid, u64::from(unit.cast.mem_mib) * 1_048_576) } else { (0, 0) };
    format!(
        "Id={name}\nDescription={}\nLoadState=loaded\nActiveState={active}\nSubState={sub}\nUnitFileState=enabled\n\
         MainPID={pid}\nExecMainPID={pid}\nExecMainStatus=0\nExecMainCode=0\nResult=success\nNRestarts=0\n\
         MemoryCurrent={memory}\nCPUUsageNSec=[not set]\nTasksCurrent=12\nActiveEnterTimestamp=@{}\n\
         ActiveEnterTimestampMonotonic=20000000\nStateChangeTimestamp=@{}\nFragmentPath=/lib/systemd/system/{name}\n\
         NeedDaemonReload=no\n",
        unit.cast.description,
        since / 1_000,
        since / 1_000,
        name = unit.cast.name,
    )
}
