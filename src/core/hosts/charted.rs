//! A host's charts as text: what is kept of them as evidence, the same in every terminal and in the document.
use std::fmt::Write as _;

use super::{Chart, HostState, Point};
use crate::core::time::{MINUTE, Timestamp};

/// Blocks from the lowest to the highest value.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// What stands for a minute without a sample: nothing is known of it.
const GAP: char = '·';

/// Returns what is known of a host's last hour before and after a moment; none where nothing was measured.
pub fn charted(host: &HostState, around: Timestamp) -> Option<String> {
    let points: Vec<&Point> = host.hour().collect();
    let (from, to) = (points.first()?.at, points.last()?.at);
    let mut text = format!(
        "{}: {} to {}, a block for each minute; before and after {}",
        host.name,
        clock(from),
        clock(to),
        around.rfc3339()
    );
    for (name, chart, full) in
        [("CPU %", Chart::Cpu, 100.0), ("memory %", Chart::Memory, 100.0), ("load per core", Chart::Load, 1.0)]
    {
        let values = |after: bool| points.iter().filter(move |point| (point.at >= around) == after);
        let told = |after| summary(values(after).filter_map(|point| chart.of(point)));
        // Writing to a String cannot fail.
        _ = write!(text, "\n{name:<13} before {:<28} after {}", told(false), told(true));
        _ = write!(text, "\n  {}", line(&points, (from, to), chart, full, around));
    }
    Some(text)
}

/// Says the mean and the highest of some values.
fn summary(values: impl Iterator<Item = f32>) -> String {
    let (mut sum, mut count, mut most) = (0.0_f64, 0_u32, f32::MIN);
    for value in values {
        (sum, count, most) = (sum + f64::from(value), count + 1, most.max(value));
    }
    if count == 0 {
        return "?".to_owned();
    }
    format!("{:.1} (at most {most:.1})", sum / f64::from(count))
}

/// Draws the means of minutes, with a bar where the moment is.
fn line(points: &[&Point], (from, to): (Timestamp, Timestamp), chart: Chart, full: f32, around: Timestamp) -> String {
    let minute = |at: Timestamp| at.0.div_euclid(MINUTE);
    let most = points.iter().filter_map(|point| chart.of(point)).fold(full, f32::max);
    let mut line = String::new();
    for at in minute(from)..=minute(to) {
        if at == minute(around) {
            line.push('|');
        }
        let own: Vec<f32> =
            points.iter().filter(|point| minute(point.at) == at).filter_map(|point| chart.of(point)).collect();
        let count = u16::try_from(own.len()).unwrap_or(u16::MAX);
        if count == 0 {
            line.push(GAP);
            continue;
        }
        let mean = own.iter().sum::<f32>() / f32::from(count);
        let step = (mean / most * 8.0).floor().clamp(0.0, 7.0);
        let block = BLOCKS.iter().zip(0_u8..).find(|(_, number)| f32::from(*number) >= step);
        line.extend(block.map(|(block, _)| *block));
    }
    line
}

fn clock(at: Timestamp) -> String {
    at.to_utc().map_or_else(|| "?".to_owned(), |at| at.format("%H:%M").to_string())
}
