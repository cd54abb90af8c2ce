//! Real Nginx, PM2 and Prometheus for tests: on free ports of 127.0.0.1, in folders of their own, ended with the test.
//!
//! Each constructor returns none where the part is not installed: said loudly, and a failure where `CI=true`.
use std::{
    fmt::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Child,
};

use super::{eventually, sshd::Sshd};

/// Finds a program: where the environment says, on PATH, or where daemons are kept.
pub(crate) fn tool(variable: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/local/sbin:/usr/sbin:/sbin";
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/pm2/node_modules/.bin");
    let found = std::env::var_os(variable).map(PathBuf::from).or_else(|| {
        std::env::split_paths(&path).chain([built]).map(|folder| folder.join(name)).find(|at| at.is_file())
    });
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is not installed, and under CI it must be");
        println!("!! NOT SHOWN HERE: {name} is not installed (tests/run installs it)");
    }
    found
}

/// Returns a port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// How often one user asks who asks all the time.
///
/// Each question leaves a port behind for a minute: without a pace a quick machine runs out of them, and then spends its time
/// on looking for one.
pub(crate) fn pace() -> tokio::time::Interval {
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(4));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    pace
}

/// Asks by HTTP; none when nothing answers.
pub(crate) async fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Starts a server that stays in the foreground; its output goes to `log`.
fn spawn(command: &mut Command, log: &Path) -> Child {
    let file = std::fs::File::create(log).unwrap();
    command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    tokio::process::Command::from(std::mem::replace(command, Command::new("true"))).kill_on_drop(true).spawn().unwrap()
}

/// A server in a folder and on a port of its own.
pub(crate) struct Server {
    /// Its folder.
    pub(crate) dir: TempDir,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts until a port is its own; `prepare` writes what it needs and says how to start it.
    async fn start(what: &str, ready: &str, prepare: impl Fn(&Path, u16) -> Command) -> Self {
        for _ in 0..10 {
            let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
            let log = dir.path().join("log");
            let mut child = spawn(&mut prepare(dir.path(), port), &log);
            let mut ended = false;
            eventually(&format!("{what} ready on {port}"), async || {
                ended = child.try_wait().unwrap().is_some();
                ended || get(port, ready).await.is_some_and(|(status, _)| status < 500 || status == 502)
            })
            .await;
            // Somebody may have taken the port in between; any other reason shows after the last try.
            if !ended {
                return Self { dir, port, child, log };
            }
            println!("{what} ended at once: {}", std::fs::read_to_string(&log).unwrap_or_default());
        }
        panic!("{what} does not start");
    }

    /// Ends it as a machine that fails.
    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Returns what it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gently, so that workers go too; what is left is killed with its handle.
        if let (Some(pid), Ok(None)) = (self.child.id(), self.child.try_wait()) {
            let _sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status();
            for _ in 0..200 {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    break;
                }
                let _waited = Command::new("sleep").arg("0.02").status();
            }
        }
    }
}

/// Starts Nginx as a proxy before ports of 127.0.0.1.
pub(crate) async fn nginx(upstreams: &[u16]) -> Option<Server> {
    let nginx = tool("QD_TEST_NGINX", "nginx")?;
    let root = Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0";
    let server = Server::start("nginx", "/", |dir, port| {
        let at = dir.display();
        let mut conf = String::new();
        if root {
            // Its workers would be another user, who cannot enter the folder.
            conf.push_str("user root;\n");
        }
        let each = upstreams.iter().map(|port| format!("server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;"));
        let upstreams = each.collect::<Vec<_>>().join(" ");
        write!(
            conf,
            "daemon off; worker_processes 1; pid {at}/nginx.pid; error_log {at}/error.log;\nevents {{}}\nhttp {{\n  \
             access_log {at}/access.log;\n  server_tokens off;\n  client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; \
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n  \
             upstream app {{ {upstreams} }}\n  server {{\n    \
             listen 127.0.0.1:{port};\n    location / {{ proxy_pass http://app; proxy_connect_timeout 2s; }}\n  \
             }}\n}}\n"
        )
        .unwrap();
        std::fs::write(dir.join("nginx.conf"), conf).unwrap();
        let mut command = Command::new(&nginx);
        command.arg("-e").arg(dir.join("error.log")).arg("-c").arg(dir.join("nginx.conf"));
        command
    })
    .await;
    Some(server)
}

/// Starts Nginx with a folder of files, and writes `nginx` for it into `bin`. `sites-enabled` in the server's folder holds more of
/// its configuration.
pub(crate) async fn nginx_sites(files: &Path, bin: &Path) -> Option<Server> {
    let (files, folders) = (files.display(), ["sites-available", "sites-enabled"]);
    nginx_of(bin, &folders, |at, port| {
        format!("server {{ listen 127.0.0.1:{port}; root {files}; include {at}/sites-enabled/*.conf; }}")
    })
    .await
}

/// Starts Nginx before one of two sets of ports: `live.conf` in `home` leads to `blue.conf` or `green.conf` there. Writes `nginx` for
/// it into `bin`.
pub(crate) async fn nginx_led(home: &Path, bin: &Path, sets: [&[u16]; 2]) -> Option<Server> {
    for (name, ports) in ["blue", "green"].into_iter().zip(sets) {
        let each: Vec<String> = ports.iter().map(|port| format!("server 127.0.0.1:{port};")).collect();
        std::fs::write(home.join(format!("{name}.conf")), format!("upstream app {{ {} }}\n", each.join(" "))).unwrap();
    }
    std::os::unix::fs::symlink("blue.conf", home.join("live.conf")).unwrap();
    nginx_of(bin, &[], |_, port| {
        let pass = "location / { proxy_pass http://app; proxy_connect_timeout 2s; }";
        format!("include {}/live.conf; server {{ listen 127.0.0.1:{port}; {pass} }}", home.display())
    })
    .await
}

/// Starts Nginx with what `http` says for its folder and port, and writes `nginx` for it into `bin`.
pub(crate) async fn nginx_of(
    bin: &Path,
    folders: &[&str],
    http: impl Fn(std::path::Display<'_>, u16) -> String,
) -> Option<Server> {
    let nginx = tool("QD_TEST_NGINX", "nginx")?;
    let root = Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0";
    let server = Server::start("nginx", "/", |dir, port| {
        for folder in folders {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let conf = format!(
            "{user}daemon off; worker_processes 1; pid {at}/nginx.pid; error_log {at}/error.log;\nevents {{}}\nhttp {{\n  \
             access_log off;\n  client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi; \
             uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n  {http}\n}}\n",
            user = if root { "user root;\n" } else { "" },
            at = dir.display(),
            http = http(dir.display(), port),
        );
        std::fs::write(dir.join("nginx.conf"), conf).unwrap();
        let call = format!("{} -e {at}/error.log -c {at}/nginx.conf", nginx.display(), at = dir.display());
        program(&bin.join("nginx"), &format!("#!/bin/sh\nexec {call} \"$@\"\n"));
        let mut command = Command::new(&nginx);
        command.arg("-e").arg(dir.join("error.log")).arg("-c").arg(dir.join("nginx.conf"));
        command
    })
    .await;
    Some(server)
}

/// Starts Apache with a folder of files, and writes `apachectl` for it into `bin`, which notes what it is asked for in `asked`
/// beside it. `sites-enabled` in the server's folder holds more of its configuration.
pub(crate) async fn apache(files: &Path, bin: &Path) -> Option<Server> {
    let apache = tool("QD_TEST_APACHE", "apache2")?;
    let server = Server::start("apache", "/", |dir, port| {
        assert!(Command::new("chmod").arg("755").arg(dir).status().unwrap().success());
        for folder in ["sites-available", "sites-enabled"] {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let mut conf = format!(
            "ServerRoot {at}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {at}/apache.pid\nDefaultRuntimeDir {at}\n\
             Mutex file:{at} default\nErrorLog {at}/error.log\nDocumentRoot {files}\n<Directory {files}>\nRequire all \
             granted\n</Directory>\nIncludeOptional {at}/sites-enabled/*.conf\n",
            at = dir.display(),
            files = files.display(),
        );
        for module in ["mpm_event", "authz_core", "dir", "mime", "alias"] {
            writeln!(conf, "LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so").unwrap();
        }
        conf.push_str("TypesConfig /etc/mime.types\nDirectoryIndex index.html\n");
        let root = Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0";
        if root {
            conf.push_str("User www-data\nGroup www-data\n");
        }
        let file = dir.join("apache.conf");
        std::fs::write(&file, conf).unwrap();
        let call = format!("{} -f {}", apache.display(), file.display());
        let control = format!(
            "#!/bin/sh\necho \"$1\" >>{asked}\ncase $1 in\n  configtest) exec {call} -t ;;\n  graceful | restart) {call} -t && \
             exec {call} -k \"$1\" ;;\nesac\nexit 64\n",
            asked = bin.join("asked").display()
        );
        program(&bin.join("apachectl"), &control);
        let mut command = Command::new(&apache);
        command.arg("-DFOREGROUND").arg("-f").arg(file);
        command
    })
    .await;
    Some(server)
}

/// Writes a program.
pub(crate) fn program(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    assert!(Command::new("chmod").arg("755").arg(file).status().unwrap().success());
}

/// A PM2 daemon with one application, `play`, that listens on a port and stays down when it is killed.
pub(crate) struct Pm2 {
    /// HOME of its user: the daemon's state is in `.pm2` there.
    pub(crate) home: PathBuf,
    /// Where the application listens on 127.0.0.1.
    pub(crate) port: u16,
    /// Folders of `pm2` and `node`, to be put before PATH.
    pub(crate) path_prefix: Vec<String>,
    program: PathBuf,
}

const APP: &str = r"
const http = require('http');
const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json');
  response.statusCode = request.url === '/health' ? 200 : 404;
  response.end(JSON.stringify({ status: 'ok', pid: process.pid }));
});
server.listen(Number(process.argv[2]), '127.0.0.1');
";

impl Pm2 {
    /// PM2 in `home`, without a daemon yet; whatever runs there in the end is ended with it.
    pub(crate) fn idle(home: &Path) -> Option<Self> {
        let pm2 = tool("QD_TEST_PM2", "pm2")?;
        let node = tool("QD_TEST_NODE", "node")?;
        let folder = |file: &Path| file.parent().unwrap().display().to_string();
        let path_prefix = vec![folder(&pm2), folder(&node)];
        Some(Self { home: home.to_owned(), port: free_port(), path_prefix, program: pm2 })
    }

    /// Starts a daemon and the application in `home`; returns once it answers.
    pub(crate) async fn start(home: &Path) -> Option<Self> {
        let running = Self::idle(home)?;
        let port = running.port;
        std::fs::write(home.join("server.js"), APP).unwrap();
        let apps = serde_json::json!({ "apps": [{
            "name": "play", "script": home.join("server.js"), "cwd": home, "args": [port.to_string()],
            "autorestart": false, "env": { "NODE_ENV": "production", "MONGO_URL": "mongodb://play:not-a-real-secret@db" },
        }]});
        std::fs::write(home.join("apps.json"), apps.to_string()).unwrap();
        let output = running.run(&["start", "apps.json"]);
        assert!(output.status.success(), "pm2 start: {}", String::from_utf8_lossy(&output.stdout));
        eventually("the application", async || get(port, "/health").await.is_some_and(|(status, _)| status == 200))
            .await;
        Some(running)
    }

    /// Runs `pm2` as the daemon's user, with nothing of this environment.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(&self.program)
            .args(arguments)
            .arg("--no-color")
            .current_dir(&self.home)
            .env_clear()
            .env("HOME", &self.home)
            .env("PM2_HOME", self.home.join(".pm2"))
            .env("PATH", self.path_prefix.join(":") + ":/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Returns status and process id of the application, as PM2 says.
    pub(crate) fn app(&self) -> (String, u32) {
        let list: serde_json::Value = serde_json::from_slice(&self.run(&["jlist", "--silent"]).stdout).unwrap();
        let pid = u32::try_from(list[0]["pid"].as_u64().unwrap_or(0)).unwrap();
        (list[0]["pm2_env"]["status"].as_str().unwrap().to_owned(), pid)
    }

    /// Names what PM2 has.
    pub(crate) fn names(&self) -> Vec<String> {
        let list: serde_json::Value = serde_json::from_slice(&self.run(&["jlist", "--silent"]).stdout).unwrap();
        list.as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Kills the application's process; it stays down until somebody restarts it.
    pub(crate) fn kill_app(&self) {
        let (_, pid) = self.app();
        assert!(pid > 1, "the application does not run");
        assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
    }
}

impl Drop for Pm2 {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.home.join(".pm2/pm2.pid")).unwrap_or_default();
        self.run(&["kill"]);
        // A daemon that does not hear is ended by its id, if that is still it.
        let cmdline = std::fs::read_to_string(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
        if cmdline.contains(&*self.home.to_string_lossy()) {
            let _killed = Command::new("kill").args(["-KILL", pid.trim()]).status();
        }
    }
}

/// Everything that `play` is in production: Nginx before a node process kept by PM2, on a host that one reaches by SSH.
pub(crate) struct Play {
    /// The way in front: what users see.
    pub(crate) nginx: Server,
    /// What keeps the process.
    pub(crate) pm2: Pm2,
    /// The way in for those who mend it. Last: its folder holds PM2's.
    pub(crate) sshd: Sshd,
}

impl Play {
    /// Starts it all; none where a part is not installed.
    pub(crate) async fn start() -> Option<Self> {
        tool("QD_TEST_SSHD", "sshd")?;
        tool("QD_TEST_NGINX", "nginx")?;
        let sshd = Sshd::start().await;
        let pm2 = Pm2::start(&sshd.home()).await?;
        let nginx = nginx(&[pm2.port]).await?;
        Some(Self { nginx, pm2, sshd })
    }

    /// Asks as a user does: HTTP status of the health page through Nginx; none when nothing answers.
    pub(crate) async fn status(&self) -> Option<u16> {
        get(self.nginx.port, "/health").await.map(|(status, _)| status)
    }

    /// Writes a configuration for it: host `web-01`, service `play@prod` with a check every second.
    pub(crate) fn config(&self, store: &Path) -> String {
        let path = |path: &Path| format!("{:?}", path.display().to_string());
        format!(
            "version = 1\nclient = \"acme\"\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n\n[store]\npath = \
             {store}\n\n[[host]]\nname = \"web-01\"\nenv = \"prod\"\naddress = \"127.0.0.1\"\nport = {port}\nuser = \
             \"{user}\"\nidentity = {identity}\npath_prefix = {prefix:?}\n\n[[service]]\nname = \"play\"\nkind = \
             \"node-pm2\"\nrecipe = {{ app = \"play\", path = {home} }}\n[service.in.prod]\nhosts = [\"web-01\"]\nchecks = [{{ \
             name = \"page\", type = \"http\", url = \"http://127.0.0.1:{web}/health\", expect = [\"2xx\"], every = \"1s\", \
             timeout = \"900ms\", fail_after = 2 }}]\n",
            store = path(store),
            port = self.sshd.port,
            user = self.sshd.user,
            identity = path(&self.sshd.identity()),
            prefix = self.pm2.path_prefix,
            home = path(&self.pm2.home),
            web = self.nginx.port,
        )
    }
}

/// Starts Prometheus, which scrapes itself and `targets`, with a past given as `OpenMetrics` text (without its end mark).
pub(crate) async fn prometheus(past: &str, targets: &[u16]) -> Option<Server> {
    let prometheus = tool("QD_TEST_PROMETHEUS", "prometheus")?;
    let promtool = prometheus.with_file_name("promtool");
    let server = Server::start("prometheus", "/-/ready", |dir, port| {
        let data = dir.join("data");
        if !past.is_empty() {
            let file = dir.join("past.om");
            std::fs::write(&file, format!("{past}# EOF\n")).unwrap();
            let made = Command::new(&promtool)
                .args(["tsdb", "create-blocks-from", "openmetrics"])
                .arg(&file)
                .arg(&data)
                .output()
                .unwrap();
            assert!(made.status.success(), "promtool: {}", String::from_utf8_lossy(&made.stderr));
        }
        let targets: Vec<_> = targets.iter().map(|target| format!("'127.0.0.1:{target}'")).collect();
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: self\n  static_configs: [{{ targets: \
             ['127.0.0.1:{port}'] }}]\n- job_name: probes\n  honor_labels: true\n  static_configs: [{{ targets: [{}] }}]\n",
            targets.join(", ")
        );
        std::fs::write(dir.join("prometheus.yml"), config).unwrap();
        let mut command = Command::new(&prometheus);
        command
            .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--storage.tsdb.retention.time=400d")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(dir);
        command
    })
    .await;
    Some(server)
}

/// Serves one text as an exporter does, until dropped.
pub(crate) struct Exporter {
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Exporter {
    /// Serves `metrics` under any path.
    pub(crate) async fn start(metrics: &'static str) -> Self {
        Self::on(0, metrics).await
    }

    /// The same on a port that is known before.
    #[expect(clippy::disallowed_methods, reason = "a test's own server; it ends with the test")]
    pub(crate) async fn on(port: u16, metrics: &'static str) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _read = stream.read(&mut request).await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: \
                     close\r\n\r\n{metrics}",
                    metrics.len()
                );
                let _sent = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { port, task }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}
