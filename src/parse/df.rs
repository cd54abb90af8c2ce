//! `df -P -l -k` and `df -P -l -i`: local file systems with their space and inodes.
//!
//! A row is read from the left, because only the mount point may hold spaces. A missing path or a dead mount costs its own
//! row only.
use super::sanitise;
use crate::core::hosts::Disk;

const MAX_DISKS: usize = 64;

/// Reads rows of both commands, headers included, and leaves out what is no place to keep data: memory file systems,
/// read-only images, and a device's second mount.
///
/// Sorted by mount point. Inodes are none where the file system does not count them (btrfs, vfat: zero or `-`).
pub fn disks<'a>(space: impl IntoIterator<Item = &'a [u8]>, inodes: impl IntoIterator<Item = &'a [u8]>) -> Vec<Disk> {
    let mut found: Vec<(Vec<u8>, Disk)> = Vec::new();
    for row in space.into_iter().filter_map(Row::read) {
        let (Some(size), Some(used), Some(avail)) = (row.total, row.used, row.free) else { continue };
        if size == 0 || !row.keeps_data() {
            continue;
        }
        let disk = Disk {
            mount: sanitise::name(row.mount),
            size_bytes: size.saturating_mul(1_024),
            used_bytes: used.saturating_mul(1_024),
            avail_bytes: avail.saturating_mul(1_024),
            inodes_pct: None,
        };
        let room = found.len() < MAX_DISKS;
        match found.iter_mut().find(|(source, _)| source == row.source && row.source.starts_with(b"/")) {
            Some((_, other)) if disk.mount.len() < other.mount.len() => *other = disk,
            None if room => found.push((row.source.to_vec(), disk)),
            Some(_) | None => {}
        }
    }
    let mut disks: Vec<Disk> = found.into_iter().map(|(_, disk)| disk).collect();
    for row in inodes.into_iter().filter_map(Row::read) {
        let mount = sanitise::name(row.mount);
        if let (Some(used), Some(free)) = (row.used, row.free)
            && used.saturating_add(free) > 0
            && let Some(disk) = disks.iter_mut().find(|disk| disk.mount == mount)
        {
            disk.inodes_pct = Some(percent(used, used.saturating_add(free)));
        }
    }
    disks.sort_by(|a, b| a.mount.cmp(&b.mount));
    disks
}

/// One row: source, total, used, free, percent, mount point.
struct Row<'a> {
    source: &'a [u8],
    total: Option<u64>,
    used: Option<u64>,
    free: Option<u64>,
    mount: &'a [u8],
}

impl<'a> Row<'a> {
    fn read(line: &'a [u8]) -> Option<Self> {
        let (source, rest) = word(line)?;
        let (total, rest) = word(rest)?;
        let (used, rest) = word(rest)?;
        let (free, rest) = word(rest)?;
        let (percent, rest) = word(rest)?;
        let mount = rest.trim_ascii();
        // The header's last words are `Mounted on`; a mount point is absolute.
        if !mount.starts_with(b"/") || !(percent.ends_with(b"%") || percent == b"-") {
            return None;
        }
        Some(Self { source, total: number(total), used: number(used), free: number(free), mount })
    }

    fn keeps_data(&self) -> bool {
        const NO_DATA: [&[u8]; 12] = [
            b"tmpfs",
            b"devtmpfs",
            b"udev",
            b"none",
            b"shm",
            b"run",
            b"dev",
            b"efivarfs",
            b"squashfs",
            b"cgroup",
            b"cgmfs",
            b"ramfs",
        ];
        const NO_PLACE: [&[u8]; 5] = [b"/dev", b"/proc", b"/sys", b"/run", b"/snap"];
        let below =
            |root: &&[u8]| self.mount.strip_prefix(*root).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        !NO_DATA.contains(&self.source)
            && !self.source.starts_with(b"/dev/loop")
            && !NO_PLACE.iter().any(below)
            && (self.source != b"overlay" || self.mount == b"/")
    }
}

fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_start();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    line.split_at_checked(end).filter(|(word, _)| !word.is_empty())
}

fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[expect(clippy::cast_possible_truncation, reason = "a percentage loses nothing that is shown")]
fn percent(part: u64, of: u64) -> f32 {
    (part as f64 * 100.0 / of as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> impl Iterator<Item = &[u8]> {
        text.lines().map(str::as_bytes)
    }

    #[test]
    fn rows_become_disks_with_space_and_inodes() {
        let space = include_str!("../../tests/fixtures/host/df-P-k.txt");
        let inodes = include_str!("../../tests/fixtures/host/df-inodes.txt");
        let disks = disks(lines(space), lines(inodes));
        assert_eq!(disks.iter().map(|disk| disk.mount.as_str()).collect::<Vec<_>>(), ["/"]);
        assert_eq!(disks[0].size_bytes, 264_212_084 * 1_024);
        assert_eq!(disks[0].inodes_pct.map(f32::round), Some(3.0));
    }

    #[test]
    fn mount_points_may_hold_spaces_and_devices_count_once() {
        let space = "/dev/sdb1 100 40 60 40% /srv/my data\n/dev/sda1 10 1 9 10% /var/lib/bind\n/dev/sda1 10 1 9 10% /\n\
                     /dev/loop3 5 5 0 100% /opt/image\n/dev/sdc 0 0 0 - /empty\noverlay 9 1 8 12% /var/lib/docker/overlay2/x";
        let disks = disks(lines(space), lines("/dev/sda1 0 0 0 - /"));
        assert_eq!(disks.iter().map(|disk| disk.mount.as_str()).collect::<Vec<_>>(), ["/", "/srv/my data"]);
        assert_eq!(disks[0].inodes_pct, None);
    }

    #[test]
    fn a_missing_path_costs_nothing_else() {
        let text = include_str!("../../tests/fixtures/host/df-missing.txt");
        assert_eq!(disks(lines(text), []).len(), 1);
    }
}
