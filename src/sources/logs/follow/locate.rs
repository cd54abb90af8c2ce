//! Where rotated files went.
use super::{
    Found, Got, Lost, Place,
    engine::Follower,
    file::File,
    glob::Glob,
    is_packed,
    rotated::{by_age, came_between, candidates, is_being_packed, is_rotated},
    tail::{Phase, Tail},
};
use crate::core::time::Now;

impl Follower {
    /// Finds out where files went that are no longer where they were, and what was there between them and the present one.
    pub(super) async fn locate(&mut self, place: &mut dyn Place, at: usize) -> Result<(), Lost> {
        let now = self.now();
        let Some(file) = self.files.get(at).filter(|file| file.old.iter().any(Tail::is_to_be_located)) else {
            return Ok(());
        };
        let entry = self.entries.iter().find(|entry| entry.spec.name == file.entry);
        let configured = entry.and_then(|entry| entry.rotated.clone());
        let globs = configured.clone().map_or_else(|| Glob::literal(&file.path).siblings(), |glob| vec![glob]);
        let look = place.look(&globs).await?;
        let mut siblings: Vec<Found> = Vec::new();
        for found in look.files {
            if found.regular && found.path != file.path && !siblings.iter().any(|known| known.path == found.path) {
                siblings.push(found);
            }
        }
        by_age(&mut siblings);
        let Some(file) = self.files.get_mut(at) else { return Ok(()) };
        let mut number = 0;
        while number < file.old.len() {
            if file.old.get(number).is_some_and(|tail| !tail.is_to_be_located()) {
                number += 1;
                continue;
            }
            let path = file.old.get(number).and_then(|tail| tail.path.as_deref());
            let home = match path.and_then(|path| siblings.iter().position(|found| found.path == path)) {
                None => find_home(place, file, number, &siblings, now).await?,
                home => home,
            };
            let Some(home) = home else {
                let Some(tail) = file.old.get_mut(number) else { break };
                tail.path = None;
                tail.tries += 1;
                // Once more: it may have been on its way just then.
                if tail.tries >= 2 {
                    file.give_up(number, now);
                } else {
                    number += 1;
                }
                continue;
            };
            let Some(tail) = file.old.get_mut(number) else { break };
            if std::mem::replace(&mut tail.located, true) {
                number += 1;
                continue;
            }
            // Those that came and went since, oldest first. The number of a file that is gone may be another's by now.
            let known = |found: &Found| {
                let mut tails = file.old.iter().chain(&file.tail);
                tails.any(|tail| tail.is(found) && found.size >= tail.offset)
            };
            let named = |found: &&Found| {
                let named = configured
                    .as_ref()
                    .map_or_else(|| is_rotated(&found.path, &file.path), |glob| glob.matches(&found.path));
                named && !is_being_packed(found, &siblings)
            };
            let between = came_between(&siblings, home, known).filter(named).map(|found| {
                let phase = if is_packed(&found.path) { Phase::Packed } else { Phase::Renamed };
                let mut tail = Tail::new(found, 0, phase, now.mono);
                tail.located = true;
                tail
            });
            let between: Vec<Tail> = between.collect();
            file.came_between(number, between, now);
            number += 1;
        }
        Ok(())
    }
}

/// Finds the file that an old one became: by its inode, else by what was read last of it. Returns its place among the siblings.
async fn find_home(
    place: &mut dyn Place,
    file: &mut File,
    number: usize,
    siblings: &[Found],
    now: Now,
) -> Result<Option<usize>, Lost> {
    let current = file.tail.as_ref().map(|tail| tail.inode);
    let known: Vec<String> = file.old.iter().filter_map(|tail| tail.path.clone()).collect();
    let Some(tail) = file.old.get_mut(number) else { return Ok(None) };
    if tail.phase == Phase::Renamed
        && let Some(at) = siblings.iter().position(|found| tail.is(found) && found.size >= tail.offset)
        && let Some(found) = siblings.get(at)
    {
        tail.path = Some(found.path.clone());
        tail.size = found.size;
        tail.tries = 0;
        return Ok(Some(at));
    }
    for found in candidates(siblings, tail.offset) {
        if Some(found.inode) == current || known.contains(&found.path) {
            continue;
        }
        let Some(want) = tail.want_mark(&found.path) else { break };
        let packed = is_packed(&found.path);
        let bytes = if packed {
            place.unpack(&want).await?
        } else {
            let one = std::slice::from_ref(&want);
            match place.read(one).await?.pop() {
                Some(Got::Bytes { bytes, .. }) => bytes,
                Some(Got::Gone | Got::Denied) | None => continue,
            }
        };
        if !bytes.is_empty() && tail.is_known_by(&bytes) {
            tail.path = Some(found.path.clone());
            (tail.inode, tail.device, tail.size) = (found.inode, found.device, found.size);
            tail.phase = if packed { Phase::Packed } else { Phase::Finished };
            tail.active = now.mono;
            return Ok(siblings.iter().position(|sibling| sibling.path == found.path));
        }
    }
    Ok(None)
}
