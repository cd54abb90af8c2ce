//! What the sampler prints about a host, turned into [`HostSample`]s.
//!
//! The format is line by line. `@@ NAME` begins a section, `@@ end` ends a block. Sections are the files below `/proc` by
//! name (`stat`, `meminfo`, `loadavg`, `uptime`, `net/dev`, `diskstats`, `pressure/{cpu,memory,io}`), either each on its own or all
//! in `files` as `grep -H` prints them (`stat:cpu  1 2 3`); further `const` (`hz N`, `page BYTES`), `date` (`SECONDS.NANOSECONDS`) and `top`
//! ([`super::ps::top`]). Lines from jobs in the background may stand anywhere: `@k` and `@i` are rows of `df`, `@k end` follows the last, `@w` are
//! rows of `ps`. What is missing or makes no sense becomes none, never zero.
use std::collections::BTreeMap;

use super::{df, ps};
use crate::core::{
    hosts::{Disk, HostSample, Psi, Rates},
    time::{Mono, Now},
};

/// Most bytes of one block. A host that prints more is cut off.
pub const MAX_BLOCK: usize = 1 << 20;
/// Milliseconds after which the last answer of `df` says nothing any more; it is asked every 15 s.
const DF_LIMIT_MS: u64 = 45_000;
const END: &[u8] = b"@@ end";

/// What cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Too many bytes without an end.
    #[error("the host printed more than {MAX_BLOCK} bytes without an end")]
    Endless,
    /// Nothing in it is known.
    #[error("the host printed nothing that looks like /proc: is it Linux?")]
    Nothing,
}

/// Cuts a stream of bytes into blocks.
#[derive(Debug, Default)]
pub struct Blocks {
    buffer: Vec<u8>,
    searched: usize,
}

impl Blocks {
    /// Adds bytes and returns the blocks that are now complete, without their end marker.
    ///
    /// # Errors
    /// When a block grows beyond [`MAX_BLOCK`]; the stream is of no use then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut blocks = Vec::new();
        self.buffer.extend_from_slice(bytes);
        while let Some(newline) = self.buffer.iter().skip(self.searched).position(|byte| *byte == b'\n') {
            let after = self.searched + newline + 1;
            let line = self.buffer.get(self.searched..after).unwrap_or_default();
            if line.trim_ascii() == END {
                let rest = self.buffer.split_off(after);
                let mut block = std::mem::replace(&mut self.buffer, rest);
                block.truncate(self.searched);
                self.searched = 0;
                if block.len() > MAX_BLOCK {
                    return Err(Malformed::Endless);
                }
                blocks.push(block);
            } else {
                self.searched = after;
            }
        }
        if self.buffer.len() > MAX_BLOCK { Err(Malformed::Endless) } else { Ok(blocks) }
    }
}

/// Turns blocks into samples; keeps the raw counters of the last block, because rates are differences.
#[derive(Debug, Default)]
pub struct Sampler {
    before: Option<Counters>,
    disks: Option<(Mono, Vec<Disk>)>,
    pending: (Vec<Vec<u8>>, Vec<Vec<u8>>),
    who: BTreeMap<u32, ps::Who>,
    top: Vec<crate::core::hosts::Process>,
    hz: Option<u64>,
    page: Option<u64>,
}

/// Counters that only their differences give a meaning to.
#[derive(Debug, Default)]
struct Counters {
    at: Mono,
    uptime_s: Option<f64>,
    /// By name: `cpu` is the sum, then `cpu0` …
    cpus: BTreeMap<String, Cpu>,
    net: BTreeMap<String, [u64; 2]>,
    disks: BTreeMap<String, Device>,
}

/// Clock ticks by state, as `/proc/stat` counts them: `proc_stat(5)`.
#[derive(Clone, Copy, Debug, Default)]
struct Cpu {
    all: [u64; 8],
}

#[derive(Clone, Copy, Debug)]
struct Device {
    read_sectors: u64,
    written_sectors: u64,
    busy_ms: u64,
}

impl Sampler {
    /// Reads one block that arrived at `now`; `rtt_ms` corrects the host's clock for its way here, if it is known.
    ///
    /// # Errors
    /// When nothing of it is known.
    pub fn push(&mut self, block: &[u8], now: Now, rtt_ms: Option<u32>) -> Result<HostSample, Malformed> {
        let sections = self.sections(block, now);
        let get = |name: &str| sections.get(name).map(Vec::as_slice).unwrap_or_default();
        let memory = memory(get("meminfo"));
        let counters = Counters {
            at: now.mono,
            uptime_s: get("uptime").first().and_then(|line| decimal(line.split_whitespace().next()?)),
            cpus: cpus(get("stat")),
            net: net(get("net/dev")),
            disks: devices(get("diskstats")),
        };
        if counters.cpus.is_empty() && memory.total.is_none() {
            return Err(Malformed::Nothing);
        }
        for line in get("const") {
            match line.split_once(' ') {
                Some(("hz", hz)) => self.hz = hz.parse().ok().or(self.hz),
                Some(("page", page)) => self.page = page.parse().ok().or(self.page),
                Some(_) | None => {}
            }
        }
        if sections.contains_key("top") {
            self.top = ps::top(get("top").iter().copied(), &self.who, self.hz, self.page);
        }
        let before = self.before.take().filter(|before| !restarted(before, &counters));
        let rates = before.as_ref().map(|before| difference(before, &counters)).unwrap_or_default();
        let cores = counters.cpus.keys().filter(|name| name.as_str() != "cpu").count();
        let sample = HostSample {
            at: now.utc,
            cpu_pct: rates.cpu_pct,
            steal_pct: rates.steal_pct,
            cores_pct: rates.cores_pct,
            mem_total_bytes: memory.total,
            mem_used_bytes: memory.used(),
            swap_total_bytes: memory.swap_total,
            swap_used_bytes: memory.swap_total.zip(memory.swap_free).map(|(total, free)| total.saturating_sub(free)),
            load: get("loadavg").first().and_then(|line| load(line)),
            core_count: u32::try_from(cores).ok().filter(|cores| *cores > 0),
            disks: self.fresh_disks(now.mono),
            disk_io: rates.disk_io,
            disk_busy_pct: rates.disk_busy_pct,
            net: rates.net,
            psi: psi(get("pressure/cpu"), get("pressure/memory"), get("pressure/io")),
            uptime_s: counters.uptime_s.map(whole),
            skew_ms: get("date")
                .first()
                .and_then(|line| host_clock_ms(line))
                .map(|host| host.saturating_sub(now.utc.0).saturating_add(i64::from(rtt_ms.unwrap_or(0) / 2))),
            rtt_ms,
            top: self.top.clone(),
        };
        self.before = Some(counters);
        Ok(sample)
    }

    fn fresh_disks(&self, now: Mono) -> Vec<Disk> {
        match &self.disks {
            Some((at, disks)) if now.since(*at) <= DF_LIMIT_MS => disks.clone(),
            Some(_) | None => Vec::new(),
        }
    }

    /// Sorts a block's lines into sections, and takes what the background jobs said.
    fn sections<'a>(&mut self, block: &'a [u8], now: Now) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut who = Vec::new();
        let mut section = "";
        for raw in block.split(|byte| *byte == b'\n') {
            if let Some(row) = raw.strip_prefix(b"@k ") {
                if row.trim_ascii() == b"end" {
                    let (space, inodes) = std::mem::take(&mut self.pending);
                    let disks = df::disks(space.iter().map(Vec::as_slice), inodes.iter().map(Vec::as_slice));
                    self.disks = Some((now.mono, disks));
                } else if self.pending.0.len() < 512 {
                    self.pending.0.push(row.to_vec());
                }
                continue;
            }
            if let Some(row) = raw.strip_prefix(b"@i ") {
                if self.pending.1.len() < 512 {
                    self.pending.1.push(row.to_vec());
                }
                continue;
            }
            let Ok(line) = std::str::from_utf8(raw) else { continue };
            if let Some(name) = line.strip_prefix("@@ ") {
                section = name.trim();
                sections.entry(section).or_default();
            } else if let Some(row) = line.strip_prefix("@w ") {
                who.push(row);
            } else if section == "files" {
                if let Some((file, line)) = line.split_once(':') {
                    sections.entry(file).or_default().push(line);
                }
            } else if !line.is_empty() {
                sections.entry(section).or_default().push(line);
            }
        }
        if !who.is_empty() {
            self.who = ps::who(who);
        }
        sections
    }
}

/// Says whether the host started anew in between, so that its counters began at zero.
fn restarted(before: &Counters, after: &Counters) -> bool {
    before.uptime_s.zip(after.uptime_s).is_some_and(|(before, after)| after < before)
}

#[derive(Default)]
struct Differences {
    cpu_pct: Option<f32>,
    steal_pct: Option<f32>,
    cores_pct: Vec<f32>,
    disk_io: Option<Rates>,
    disk_busy_pct: Option<f32>,
    net: Option<Rates>,
}

fn difference(before: &Counters, after: &Counters) -> Differences {
    // The host's own clock leaves out how long the answer was on its way.
    let seconds = match before.uptime_s.zip(after.uptime_s) {
        Some((before, after)) => after - before,
        None => after.at.since(before.at) as f64 / 1_000.0,
    };
    let cpu = |name: &str| Some(after.cpus.get(name)?.since(before.cpus.get(name)?));
    let total = cpu("cpu");
    let mut names: Vec<&String> = after.cpus.keys().filter(|name| name.as_str() != "cpu").collect();
    names.sort_by_key(|name| (name.len(), name.as_str()));
    let mut rates = Differences {
        cpu_pct: total.and_then(Cpu::busy_pct),
        steal_pct: total.and_then(Cpu::steal_pct),
        // A core that came online in between has no difference yet: then none is shown rather than the wrong ones.
        cores_pct: names
            .iter()
            .map(|name| cpu(name).and_then(Cpu::busy_pct))
            .collect::<Option<_>>()
            .unwrap_or_default(),
        ..Differences::default()
    };
    if seconds < 0.05 {
        return rates;
    }
    let pairs = |[rx, tx]: &[u64; 2], [old_rx, old_tx]: &[u64; 2]| Some((grown(*old_rx, *rx)?, grown(*old_tx, *tx)?));
    rates.net = sum_rates(after.net.iter().filter_map(|(name, new)| pairs(new, before.net.get(name)?)), seconds);
    let io = after.disks.iter().filter_map(|(name, new)| {
        let old = before.disks.get(name)?;
        let (read, written) =
            (grown(old.read_sectors, new.read_sectors)?, grown(old.written_sectors, new.written_sectors)?);
        // Sectors are 512 bytes here, whatever the device's are.
        Some((read.saturating_mul(512), written.saturating_mul(512)))
    });
    rates.disk_io = sum_rates(io, seconds);
    rates.disk_busy_pct = after
        .disks
        .iter()
        .filter_map(|(name, new)| grown(before.disks.get(name)?.busy_ms, new.busy_ms))
        .max()
        .map(|ms| narrow((ms as f64 / (seconds * 10.0)).min(100.0)));
    rates
}

fn sum_rates(pairs: impl Iterator<Item = (u64, u64)>, seconds: f64) -> Option<Rates> {
    let sum = pairs.reduce(|(a, b), (c, d)| (a.saturating_add(c), b.saturating_add(d)))?;
    Some(Rates { in_bytes_s: sum.0 as f64 / seconds, out_bytes_s: sum.1 as f64 / seconds })
}

/// How much a counter grew; one of 32 bits may have wrapped, any other that fell was set back and says nothing.
fn grown(before: u64, after: u64) -> Option<u64> {
    const WRAP: u64 = 1 << 32;
    if after >= before {
        Some(after - before)
    } else if before < WRAP && before > WRAP / 4 * 3 && after < WRAP / 4 {
        Some(after + WRAP - before)
    } else {
        None
    }
}

impl Cpu {
    /// What passed in each state; counters may go back a little (iowait does), which counts as nothing.
    fn since(self, before: &Self) -> Self {
        let mut all = self.all;
        all.iter_mut().zip(before.all).for_each(|(now, then)| *now = now.saturating_sub(then));
        Self { all }
    }

    fn total(self) -> Option<u64> {
        Some(self.all.iter().fold(0_u64, |sum, ticks| sum.saturating_add(*ticks))).filter(|total| *total > 0)
    }

    /// Percent of time that was neither idle nor waiting for I/O; stolen time included, as it was wanted.
    fn busy_pct(self) -> Option<f32> {
        let [_, _, _, idle, iowait, ..] = self.all;
        let total = self.total()?;
        Some(narrow(total.saturating_sub(idle.saturating_add(iowait)) as f64 * 100.0 / total as f64))
    }

    fn steal_pct(self) -> Option<f32> {
        let [.., steal] = self.all;
        Some(narrow(steal as f64 * 100.0 / self.total()? as f64))
    }
}

fn cpus(lines: &[&str]) -> BTreeMap<String, Cpu> {
    let read = |line: &&str| {
        let mut words = line.split_ascii_whitespace();
        let name = words.next().filter(|name| name.strip_prefix("cpu").is_some_and(digits))?;
        let mut all = [0; 8];
        let mut count = 0;
        // guest and guest_nice follow, but are already part of user and nice.
        for (slot, word) in all.iter_mut().zip(words) {
            *slot = word.parse().ok()?;
            count += 1;
        }
        (count >= 4).then(|| (name.to_owned(), Cpu { all }))
    };
    lines.iter().filter_map(read).take(4_097).collect()
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Bytes.
#[derive(Default)]
struct Memory {
    total: Option<u64>,
    available: Option<u64>,
    free: Option<u64>,
    buffers: Option<u64>,
    cached: Option<u64>,
    reclaimable: Option<u64>,
    shared: Option<u64>,
    swap_total: Option<u64>,
    swap_free: Option<u64>,
}

impl Memory {
    /// Total minus available. Kernels before 3.14 do not say what is available: there it is estimated as free, buffers, page cache and
    /// reclaimable slab, less shared memory, which stands in the cache but cannot be dropped.
    fn used(&self) -> Option<u64> {
        let estimate = || {
            let sum = self.free?.saturating_add(self.buffers?).saturating_add(self.cached?);
            Some(sum.saturating_add(self.reclaimable.unwrap_or(0)).saturating_sub(self.shared.unwrap_or(0)))
        };
        let available = self.available.or_else(estimate)?;
        self.total.map(|total| total.saturating_sub(available))
    }
}

fn memory(lines: &[&str]) -> Memory {
    let mut memory = Memory::default();
    for line in lines {
        let Some((key, rest)) = line.split_once(':') else { continue };
        let slot = match key {
            "MemTotal" => &mut memory.total,
            "MemAvailable" => &mut memory.available,
            "MemFree" => &mut memory.free,
            "Buffers" => &mut memory.buffers,
            "Cached" => &mut memory.cached,
            "SReclaimable" => &mut memory.reclaimable,
            "Shmem" => &mut memory.shared,
            "SwapTotal" => &mut memory.swap_total,
            "SwapFree" => &mut memory.swap_free,
            _ => continue,
        };
        *slot = rest
            .split_whitespace()
            .next()
            .and_then(|kib| kib.parse::<u64>().ok())
            .and_then(|kib| kib.checked_mul(1_024));
    }
    memory
}

fn load(line: &str) -> Option<[f32; 3]> {
    let mut words = line.split_whitespace().map(|word| decimal(word).map(narrow));
    Some([words.next()??, words.next()??, words.next()??])
}

fn psi(cpu: &[&str], memory: &[&str], io: &[&str]) -> Option<Psi> {
    let some = |lines: &[&str]| {
        let line = lines.iter().find_map(|line| line.strip_prefix("some "))?;
        let avg10 = line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?;
        decimal(avg10).filter(|pct| *pct <= 100.0).map(narrow)
    };
    let psi = Psi { cpu: some(cpu), memory: some(memory), io: some(io) };
    (psi != Psi::default()).then_some(psi)
}

/// Received and sent bytes of each interface whose traffic is not counted by another one too.
fn net(lines: &[&str]) -> BTreeMap<String, [u64; 2]> {
    const ELSEWHERE: [&str; 13] =
        ["veth", "docker", "br-", "virbr", "ifb", "bond", "team", "tun", "tap", "wg", "cali", "flannel", "cni"];
    let read = |line: &&str| {
        // Old kernels let a long number touch the colon; an alias holds a colon itself.
        let (name, rest) = line.rsplit_once(':')?;
        let mut words = rest.split_ascii_whitespace();
        let rx = words.next()?.parse().ok()?;
        let tx = words.nth(7)?.parse().ok()?;
        let name = name.trim();
        (name != "lo" && !name.is_empty()).then(|| (name.to_owned(), [rx, tx]))
    };
    let all: BTreeMap<String, [u64; 2]> = lines.iter().filter_map(read).take(1_024).collect();
    let counted: BTreeMap<String, [u64; 2]> = all
        .iter()
        .filter(|(name, _)| !name.contains(['.', '@']) && !ELSEWHERE.iter().any(|prefix| name.starts_with(prefix)))
        .map(|(name, bytes)| (name.clone(), *bytes))
        .collect();
    if counted.is_empty() { all } else { counted }
}

/// Whole devices only: partitions and what is layered on devices (dm, md, loop, RAM) would count the same bytes twice.
fn devices(lines: &[&str]) -> BTreeMap<String, Device> {
    const LAYERED: [&str; 8] = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "drbd"];
    let read = |line: &&str| {
        let words: Vec<&str> = line.split_ascii_whitespace().take(20).collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
        let name = words.get(2).filter(|name| !LAYERED.iter().any(|prefix| name.starts_with(prefix)))?;
        Some((
            (*name).to_owned(),
            Device { read_sectors: number(5)?, written_sectors: number(9)?, busy_ms: number(12)? },
        ))
    };
    let all: BTreeMap<String, Device> = lines.iter().filter_map(read).take(4_096).collect();
    all.iter()
        .filter(|(name, _)| !parent(name).is_some_and(|parent| all.contains_key(parent)))
        .map(|(name, device)| (name.clone(), *device))
        .collect()
}

/// The device a partition would be on: `sda1` on `sda`, `nvme0n1p2` on `nvme0n1`.
fn parent(name: &str) -> Option<&str> {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if base.len() == name.len() {
        return None;
    }
    match base.strip_suffix('p') {
        Some(device) if device.ends_with(|c: char| c.is_ascii_digit()) => Some(device),
        Some(_) | None => Some(base),
    }
}

/// The host's clock in milliseconds since 1970. Where `date` knows no nanoseconds the middle of the second is meant.
fn host_clock_ms(line: &str) -> Option<i64> {
    let (seconds, fraction) = line.trim().split_once('.').unwrap_or((line.trim(), ""));
    let seconds: i64 = seconds.parse().ok().filter(|seconds| (0..1 << 40).contains(seconds))?;
    let ms = match fraction.get(..3) {
        Some(ms) if digits(fraction) => ms.parse().ok()?,
        Some(_) | None => 500,
    };
    seconds.checked_mul(1_000)?.checked_add(ms)
}

/// A finite number that is not negative.
fn decimal(word: &str) -> Option<f64> {
    word.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[expect(clippy::cast_possible_truncation, reason = "a percentage loses nothing that is shown")]
fn narrow(number: f64) -> f32 {
    number as f32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be finite and positive; saturates"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests;
