//! The development image in QEMU, without KVM: it boots, comes up with its page, writes nothing that it should not, and
//! copes with damage. `make test` makes the image and runs the core of this, `make test-image` all of it; `IMAGE` names
//! another image for x86. What cannot be tried on a machine counts as ignored, with the reason.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "a test's files need not survive a power cut")]
#![allow(clippy::print_stdout, reason = "figures are told")]

mod boots;
mod damage;
mod disk;
mod first_run;
mod guest;
mod idle;
mod lan;
mod network;
#[path = "../it/operator.rs"]
mod operator;
mod power;
mod runner;
#[path = "../sim/mod.rs"]
mod sim;
mod whole;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use abusebox::clock::Clock;
use guest::{ARM, BIOS, Machine, OTHERS, PI, UEFI};
use runner::Test;
pub(crate) use runner::{Missing, Tried};

/// Where kernels and roots lie.
const SLOTS: [u32; 4] = [2, 3, 5, 6];

/// A test has one box at a time, and emulation takes all of a processor.
const BOXES_MAX: usize = 2;

/// Tests under their names.
macro_rules! tests {
    ($($test:path,)*) => {
        vec![$(test(stringify!($test), $test)),*]
    };
}

fn main() -> ExitCode {
    let mut tests = core();
    if asked() == "all" {
        tests.extend(rest());
    }
    runner::run(tests, BOXES_MAX)
}

/// Ten minutes at most on two cores.
fn core() -> Vec<Test> {
    let mut tests = tests![
        damage::a_root_that_is_damaged_is_noticed_and_gives_way_to_the_other,
        whole::every_finding_reaches_its_customer_once_although_the_power_fails,
        network::a_clock_of_1970_stops_all_work_until_a_time_server_answers,
    ];
    tests.extend([first_boot(BIOS), comes_up(UEFI)]);
    tests
}

fn rest() -> Vec<Test> {
    let mut tests = tests![
        // It takes the longest, and nearly nothing of the processor.
        idle::an_idle_box_writes_little_and_to_its_data_partition_alone,
        first_run::a_box_is_set_up_on_its_page_up_to_the_first_mails,
        boots::twenty_boots_with_ten_hard_ends_change_nothing_outside_the_data_partition,
        boots::the_image_is_small,
        boots::two_boxes_of_one_image_have_no_secret_in_common,
        boots::what_lies_on_the_first_partition_is_taken_over_and_erased,
        boots::a_new_password_can_be_wished_for_whatever_is_wrong_with_the_settings,
        damage::a_trial_is_one_attempt_and_a_damaged_choice_is_no_harm,
        damage::a_slot_whose_kernel_is_damaged_gives_way_to_the_other,
        damage::a_root_that_is_damaged_where_no_boot_reads_gives_way_too,
        damage::two_slots_that_are_damaged_do_not_change_without_end,
        damage::a_data_partition_is_repaired_or_done_without,
        damage::a_main_process_that_stands_still_is_ended_by_the_watchdog,
        damage::a_disk_that_stalls_for_two_minutes_is_waited_for,
        network::nothing_but_the_page_is_open_and_that_only_to_clients_nearby,
        network::without_dhcp_it_is_found_link_local_and_takes_a_lease_that_comes_late,
        network::another_lease_moves_the_page_and_the_name_server,
        network::a_lease_that_nobody_renews_is_given_up_and_the_box_found_link_local,
        network::a_cable_that_leads_to_another_network_is_noticed_long_before_the_lease_ends,
        network::ipv6_alone_is_enough_for_the_page_and_to_fetch,
        power::a_power_cut_at_any_write_loses_nothing_that_was_acknowledged,
        power::a_power_cut_at_any_write_of_the_first_boot_is_made_good,
    ];
    tests.extend([first_boot(ARM), comes_up(PI)]);
    tests.extend(OTHERS.map(comes_up));
    tests
}

/// `core` or `all`; without an image neither.
fn asked() -> String {
    env::var("IMAGE_TESTS").unwrap_or_default()
}

fn first_boot(machine: Machine) -> Test {
    test(&format!("boots::first_boot, {}", machine.name), move || {
        boots::the_first_boot_makes_the_data_partition_and_later_ones_change_nothing_else(machine)
    })
}

fn comes_up(machine: Machine) -> Test {
    test(&format!("boots::comes_up, {}", machine.name), move || boots::comes_up(machine))
}

fn test(name: &str, tried: impl Fn() -> Tried + Send + Sync + 'static) -> Test {
    Test::new(name, move || {
        let outcome = match &*asked() {
            "core" | "all" => tried(),
            _ => Err(Missing("no image was made for it; `make test` makes one".to_owned())),
        };
        let must = asked() != "all" && env::var("CI").as_deref() == Ok("true");
        assert!(!must || outcome.is_ok(), "in CI this must run: {outcome:?}");
        outcome
    })
}

/// Another each time, unless one is asked for.
fn seed() -> u64 {
    let asked = env::var("SEED").ok().map(|seed| seed.parse().expect("SEED is a number"));
    asked.unwrap_or_else(|| Clock::system().untrusted_now().unix().unsigned_abs())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
