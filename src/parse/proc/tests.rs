use proptest::prelude::*;

use super::*;
use crate::core::time::Timestamp;

const RECORDED: &str = include_str!("../../../tests/fixtures/host/sampler.txt");
const SECTIONS: &str = include_str!("../../../tests/fixtures/host/combined-sampler.txt");

fn at(ms: u64) -> Now {
    Now { utc: Timestamp(1_795_000_000_000 + i64::try_from(ms).unwrap()), mono: Mono(ms) }
}

/// Samples of all blocks, two seconds apart.
fn samples(text: &str) -> Vec<HostSample> {
    let mut sampler = Sampler::default();
    let blocks = Blocks::default().push(text.as_bytes()).unwrap();
    let push = |(n, block): (usize, Vec<u8>)| sampler.push(&block, at(n as u64 * 2_000), None).unwrap();
    blocks.into_iter().enumerate().map(push).collect()
}

fn two(before: &str, after: &str) -> HostSample {
    samples(&format!("{before}\n@@ end\n{after}\n@@ end\n")).pop().unwrap()
}

#[test]
fn a_recorded_stream_becomes_samples() {
    let samples = samples(RECORDED);
    assert!(samples.len() >= 4);
    let (first, last) = (&samples[0], &samples[samples.len() - 1]);
    assert_eq!((first.cpu_pct, first.net, first.disk_io), (None, None, None), "one reading has no rate");
    assert_eq!((first.core_count, first.mem_total_bytes), (Some(2), Some(24_684_100 * 1_024)));
    assert!(first.disks.is_empty(), "df answers after the first block");
    assert_eq!(last.disks.len(), 1);
    assert!(last.disks[0].inodes_pct.is_some());
    assert!((0.0..=100.0).contains(&last.cpu_pct.unwrap()));
    assert_eq!(last.cores_pct.len(), 2);
    assert!(last.net.is_some() && last.disk_io.is_some() && last.disk_busy_pct.is_some());
    assert_eq!((last.swap_total_bytes, last.swap_used_bytes), (Some(0), Some(0)));
    assert!(samples.iter().any(|sample| !sample.top.is_empty()));
    assert!(!format!("{samples:?}").contains("hunter2"), "arguments may be secret");
}

#[test]
fn sections_of_whole_files_are_read_alike() {
    let sample = &samples(SECTIONS)[0];
    assert_eq!(sample.load, Some([6.30, 5.26, 2.69]));
    assert_eq!(sample.uptime_s, Some(943));
    assert_eq!(sample.mem_used_bytes, Some((24_684_084 - 23_046_216) * 1_024));
    assert_eq!(sample.psi, Some(Psi { cpu: Some(91.39), memory: Some(0.0), io: Some(1.21) }));
}

#[test]
fn processor_time_is_the_difference_of_two_readings() {
    let sample = two(
        "@@ stat\ncpu 100 0 100 1000 50 0 0 0 7 7\ncpu0 100 0 100 1000 50 0 0 0",
        "@@ stat\ncpu 150 0 110 1030 60 0 0 10 9 9\ncpu0 150 0 110 1030 60 0 0 10",
    );
    // 110 ticks in all: 40 idle or waiting, 10 stolen.
    assert_eq!(sample.cpu_pct.map(f32::round), Some(64.0));
    assert_eq!(sample.steal_pct.map(f32::round), Some(9.0));
    assert_eq!(sample.cores_pct.len(), 1);
}

#[test]
fn counters_that_go_back_count_as_nothing() {
    let sample = two("@@ stat\ncpu 100 0 100 1000 50", "@@ stat\ncpu 120 0 100 1080 40");
    assert_eq!(sample.cpu_pct, Some(20.0));
    let stood_still = two("@@ stat\ncpu 1 1 1 1", "@@ stat\ncpu 1 1 1 1");
    assert_eq!(stood_still.cpu_pct, None);
}

#[test]
fn a_restart_of_the_host_makes_the_next_reading_a_first_one() {
    let sample =
        two("@@ stat\ncpu 100 0 100 1000\n@@ uptime\n5000.1 1.0", "@@ stat\ncpu 900 0 900 9000\n@@ uptime\n12.0 1.0");
    assert_eq!((sample.cpu_pct, sample.uptime_s), (None, Some(12)));
}

#[test]
fn a_core_that_comes_online_shows_no_cores_until_it_has_a_difference() {
    let sample = two("@@ stat\ncpu 0 0 0 0\ncpu0 0 0 0 0", "@@ stat\ncpu 5 0 0 5\ncpu0 5 0 0 5\ncpu1 5 0 0 5");
    assert_eq!((sample.cpu_pct, sample.cores_pct.len(), sample.core_count), (Some(50.0), 0, Some(2)));
}

#[test]
fn memory_on_old_kernels_is_an_estimate_or_nothing() {
    let used = |text: &str| samples(&format!("@@ meminfo\n{text}\n@@ end\n"))[0].mem_used_bytes;
    let kib = |kib: u64| Some(kib * 1_024);
    assert_eq!(used("MemTotal: 1000 kB\nMemAvailable: 400 kB"), kib(600));
    assert_eq!(used("MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 200 kB\nShmem: 20 kB"), kib(670));
    assert_eq!(used("MemTotal: 1000 kB\nMemFree: 100 kB"), None);
    assert_eq!(used("MemTotal: 1000 kB\nMemAvailable: 4000 kB"), Some(0));
}

#[test]
fn network_leaves_out_loopback_and_what_counts_twice() {
    let block = |rx: u64, tx: u64| {
        format!(
            "@@ stat\ncpu 1 1 1 {rx}\n@@ net/dev\nInter-| Receive\n face |bytes\n    lo:{rx} 0 0 0 0 0 0 0 {tx} 0\n  eth0:{rx} 1 0 0 0 0 0 0 {tx} 1\n\
             vethab: {rx} 0 0 0 0 0 0 0 {tx} 0\neth0.7: {rx} 0 0 0 0 0 0 0 {tx} 0"
        )
    };
    let rates = two(&block(1_000, 10), &block(3_000, 50)).net;
    assert_eq!(rates, Some(Rates { in_bytes_s: 1_000.0, out_bytes_s: 20.0 }));
    let wrapped = two(&block((1 << 32) - 1_000, 10), &block(1_000, 50)).net;
    assert_eq!(wrapped.map(|rates| rates.in_bytes_s), Some(1_000.0));
    assert_eq!(two(&block(1 << 40, 10), &block(1_000, 50)).net, None, "a counter that was set back says nothing");
}

#[test]
fn disks_are_whole_devices_of_any_kernel() {
    let block = |n: u64| {
        format!(
            "@@ stat\ncpu 1 1 1 {n}\n@@ diskstats\n 8 0 sda 1 0 {n} 1 1 0 {n} 1 0 {n} 1\n 8 1 sda1 1 0 {n} 1 1 0 {n} 1 0 {n} 1\n\
             259 0 nvme0n1 1 0 {n} 1 1 0 {n} 1 0 5 1 0 0 0 0\n 259 1 nvme0n1p1 1 0 {n} 1 1 0 {n} 1 0 5 1 0 0 0 0 9 9\n\
             202 1 xvda1 1 0 {n} 1 1 0 {n} 1 0 5 1\n 253 0 dm-0 1 0 {n} 1 1 0 {n} 1 0 {n} 1\n 7 0 loop0 1 0 {n} 1 1 0 {n} 1 0 {n} 1\n 8 2 sdb 3"
        )
    };
    let sample = two(&block(0), &block(1_000));
    // sda, nvme0n1 and xvda1, which has no parent here: 3 × 1,000 sectors in 2 s.
    assert_eq!(sample.disk_io, Some(Rates { in_bytes_s: 768_000.0, out_bytes_s: 768_000.0 }));
    assert_eq!(sample.disk_busy_pct, Some(50.0));
}

#[test]
fn pressure_may_be_absent() {
    assert_eq!(samples("@@ stat\ncpu 1 1 1 1\n@@ pressure/cpu\n@@ end\n")[0].psi, None);
    let sample = &samples("@@ files\nstat:cpu 1 1 1 1\npressure/io:some avg10=2.50 avg60=0\n@@ end\n")[0];
    assert_eq!(sample.psi, Some(Psi { io: Some(2.5), ..Psi::default() }));
}

#[test]
fn the_clock_is_compared_with_half_a_round_trip_taken_off() {
    let skew = |date: &str, rtt| {
        let block = format!("@@ stat\ncpu 1 1 1 1\n@@ date\n{date}\n");
        Sampler::default().push(block.as_bytes(), at(0), rtt).unwrap().skew_ms
    };
    assert_eq!(skew("1795000000.300000000", None), Some(300));
    assert_eq!(skew("1795000000.300000000", Some(100)), Some(350));
    assert_eq!(skew("1794999999", None), Some(-500), "without nanoseconds the middle of the second");
    assert_eq!(skew("1795000000.%N", None), Some(500));
    assert_eq!(skew("1795000000.N", None), Some(500));
    assert_eq!(skew("Fri Nov 20", None), None);
    assert_eq!(skew("99999999999999999999", None), None);
}

#[test]
fn disks_that_df_no_longer_confirms_are_unknown() {
    let mut sampler = Sampler::default();
    let block = b"@@ stat\ncpu 1 1 1 1\n".as_slice();
    let df = b"@k /dev/sda1 100 40 60 40% /\n@i /dev/sda1 100 7 93 7% /\n@k end\n@@ stat\ncpu 1 1 1 1\n";
    assert_eq!(sampler.push(df, at(0), None).unwrap().disks.len(), 1);
    assert_eq!(sampler.push(block, at(45_000), None).unwrap().disks.len(), 1);
    assert!(sampler.push(block, at(45_001), None).unwrap().disks.is_empty());
}

#[test]
fn what_is_no_host_says_so() {
    for nonsense in
        ["", "bash: grep: command not found", "@@ files\n@@ date\n1\n", "@@ stat\ncpu x y z", "@@ uptime\n1.0 1.0"]
    {
        assert_eq!(Sampler::default().push(nonsense.as_bytes(), at(0), None), Err(Malformed::Nothing), "{nonsense}");
    }
}

#[test]
fn numbers_that_are_none_become_none() {
    let sample = &samples(
        "@@ stat\ncpu 1 1 1 1\n@@ loadavg\nnan inf 1\n@@ uptime\n-5 1\n@@ meminfo\nMemTotal: -1 kB\nSwapTotal: 99999999999999999999 kB\n@@ end\n",
    )[0];
    assert_eq!(
        (sample.load, sample.uptime_s, sample.mem_total_bytes, sample.swap_total_bytes),
        (None, None, None, None)
    );
}

#[test]
fn blocks_are_cut_wherever_the_bytes_break() {
    let whole = Blocks::default().push(RECORDED.as_bytes()).unwrap();
    let mut blocks = Blocks::default();
    let pieces: Vec<_> = RECORDED.as_bytes().chunks(7).flat_map(|piece| blocks.push(piece).unwrap()).collect();
    assert_eq!(pieces, whole);
}

#[test]
fn an_endless_block_is_an_error() {
    let mut blocks = Blocks::default();
    let flood = vec![b'y'; 1 << 16];
    let end = (0..20).find_map(|_| blocks.push(&flood).err());
    assert_eq!(end, Some(Malformed::Endless));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(pieces in prop::collection::vec(prop_oneof![
        any::<Vec<u8>>(),
        "@@ (stat|meminfo|loadavg|uptime|net/dev|diskstats|pressure/io|date|top|const|end)\n".prop_map(String::into_bytes),
        "(cpu[0-9]?|hz|window|  eth0:|8 0 sda|MemTotal:|@k /dev/a|some avg10=)( -?[0-9]{0,20}(\\.[0-9]+)?){0,12} ?%? ?/?\n".prop_map(String::into_bytes),
    ], 0..40), cut in 1_usize..64) {
        let mut blocks = Blocks::default();
        let mut sampler = Sampler::default();
        let mut ms = 0;
        for piece in pieces.concat().chunks(cut) {
            for block in blocks.push(piece).unwrap() {
                ms += 1_000;
                if let Ok(sample) = sampler.push(&block, at(ms), Some(3)) {
                    let pct = |pct: Option<f32>| pct.is_none_or(|pct| (0.0..=100.0).contains(&pct));
                    prop_assert!(pct(sample.cpu_pct) && pct(sample.steal_pct) && pct(sample.disk_busy_pct));
                    prop_assert!(sample.net.is_none_or(|net| net.in_bytes_s >= 0.0 && net.in_bytes_s.is_finite()));
                }
            }
        }
    }
}
