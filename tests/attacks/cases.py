"""The attacks that a registry has to survive, each with the tests that try it on a real repository.

A case names what an attacker does and what must come of it. Tests are named `module::function`, modules without
`tests.` in front. `test_cases` checks that every one of them exists.
"""

from __future__ import annotations

from typing import Final

NAMES, TAGS, MERGES, AROUND = (f"attacks.test_{name}" for name in ("names", "tags", "merges", "surroundings"))
ATTESTED, VOIDS, POLICIES, MEMORY = (f"attacks.test_{name}" for name in ("attested", "voids", "policies", "memory"))
CHECKPOINTS, SIGNATURES, PROGRAMS = (f"attacks.test_{name}" for name in ("checkpoints", "signatures", "programs"))
READERS, PENDING, FLOODS = (f"attacks.test_{name}" for name in ("readers", "pending", "floods"))
CLOCK, BRANCH, ALONE, SHAPES = (f"attacks.test_{name}" for name in ("clock", "branch", "alone", "shapes"))
BLOCKED, LIES, INPUT = (f"attacks.test_{name}" for name in ("blocked", "lies", "input"))

CASES: Final[dict[str, tuple[str, ...]]] = {
    "signed object under another name: NAME_MISMATCH": (
        f"{NAMES}::test_a_signed_tag_under_another_versions_name_is_not_that_version",
        f"{NAMES}::test_a_moved_slot_stops_the_log",
    ),
    "one object under both names of its payload: accepted": (f"{NAMES}::test_a_copy_is_sound",),
    "tag moved on the remote: the known one is kept": (
        f"{NAMES}::test_a_slot_moved_on_the_remote_is_refused_and_the_known_one_kept",
    ),
    "tag deleted after it was seen: ROLLBACK": (f"{MEMORY}::test_whoever_saw_a_longer_log_refuses_a_shorter_one",),
    "event in the middle deleted: GAP": (f"{NAMES}::test_a_middle_event_that_is_deleted_is_a_gap",),
    "two events of one number: one wins, the other is refused": (
        "repo.test_remote::test_of_racing_pushes_exactly_one_wins",
        f"{MEMORY}::test_another_event_of_the_same_number_is_refused",
    ),
    "events reordered, or prev changed: NAME_MISMATCH or CHAIN": (
        f"{NAMES}::test_events_that_change_places_are_refused",
        "registry.test_verify::test_events_cannot_change_places_or_come_twice",
    ),
    "log shorter than the memory: ROLLBACK": (f"{MEMORY}::test_whoever_saw_a_longer_log_refuses_a_shorter_one",),
    "log shorter than a witness on the protected branch: ROLLBACK": (
        f"{MEMORY}::test_a_fresh_reader_believes_a_later_witness",
    ),
    "checkpoint that never ends, or that a stranger signs: refused": (
        f"{CHECKPOINTS}::test_a_checkpoint_is_good_for_a_while_and_not_for_ever",
        f"{CHECKPOINTS}::test_a_checkpoint_needs_its_role",
    ),
    "lightweight tag in a slot: LIGHTWEIGHT, with the hint for checkouts": (
        f"{NAMES}::test_a_slot_names_a_tag_of_a_commit_and_nothing_else",
        f"{NAMES}::test_a_flattened_log_is_named_as_such",
    ),
    "lightweight tag in place of an event that was seen: not voided": (
        f"{MEMORY}::test_a_mark_beside_junk_keeps_the_junk_from_being_voided",
    ),
    "tag of a tag: TARGET_TYPE": (f"{SIGNATURES}::test_a_text_that_could_be_read_in_two_ways",),
    "tag of a blob or a tree: TARGET_TYPE": (f"{NAMES}::test_a_slot_names_a_tag_of_a_commit_and_nothing_else",),
    "no signature: UNSIGNED": (f"{SIGNATURES}::test_a_signature_that_says_anything_else",),
    "key outside the policy: UNKNOWN_KEY": (f"{TAGS}::test_an_event_in_the_next_slot",),
    "known key without the role: NOT_AUTHORISED": (
        f"{CHECKPOINTS}::test_the_key_of_the_checkpoints_does_nothing_else",
        f"{ATTESTED}::test_whoever_attests_needs_both_roles",
    ),
    "key retired from a number on, event before it: accepted": (f"{POLICIES}::test_the_past_of_an_ended_key_stands",),
    "ended key with an old tagger date: KEY_ENDED": (f"{POLICIES}::test_an_ended_key_does_not_sign_with_an_old_date",),
    "compromised key: its events are suspect, what is active stays": (
        f"{POLICIES}::test_a_compromised_key_makes_its_events_suspect_from_that_number_on",
    ),
    "signature in another namespace: SIG_NAMESPACE": (
        f"{SIGNATURES}::test_a_signature_that_says_anything_else",
        f"{PENDING}::test_a_signature_for_something_else_is_no_co_signature",
    ),
    "weak or unknown hash: SIG_HASH": (f"{SIGNATURES}::test_a_signature_that_says_anything_else",),
    "bytes behind the blob, junk round the armour, no END: refused": (
        f"{SIGNATURES}::test_a_signature_that_says_anything_else",
    ),
    "text after the signature: MALFORMED": (f"{SIGNATURES}::test_a_signature_that_says_anything_else",),
    "two signature blocks: MALFORMED": (f"{SIGNATURES}::test_a_signature_that_says_anything_else",),
    "key types": (
        "registry.test_sshsig::test_every_key_type_verifies_here_and_with_ssh_keygen",
        "registry.test_sshsig::test_weak_rsa_keys_and_signatures",
    ),
    "PGP or X.509 signature: SIGNATURE_FORMAT": (f"{TAGS}::test_an_event_in_the_next_slot",),
    "event of a fork: WRONG_REGISTRY": (
        f"{TAGS}::test_an_event_of_another_registry_is_refused",
        f"{AROUND}::test_events_of_one_registry_are_not_written_to_a_fork",
        f"{AROUND}::test_a_whole_registry_that_was_swapped_is_another_one",
    ),
    "config bytes differ from the signed digest: DIGEST": (f"{MERGES}::test_changed_bytes_cannot_borrow_the_merge",),
    "replace refs: ignored": (
        f"{AROUND}::test_git_replace_does_not_change_the_config",
        f"{AROUND}::test_replaced_objects_are_ignored",
    ),
    "grafts or shallow history: ignored or named, never ok": (
        f"{AROUND}::test_grafts_do_not_change_history",
        f"{AROUND}::test_a_shallow_clone_is_refused_by_name",
    ),
    "branch of a tag's name: the tag by its full name": (f"{NAMES}::test_a_branch_of_the_tags_name_changes_nothing",),
    "tag named like an object id or a ref: ignored, with a warning": (
        f"{NAMES}::test_a_look_alike_name_is_ignored_with_a_warning",
    ),
    "tag that squats the namespace: noticed": (f"{NAMES}::test_a_squatted_namespace_is_noticed",),
    "dash, quote, newline, look-alike in a name: refused or ignored": (
        f"{NAMES}::test_a_look_alike_name_is_ignored_with_a_warning",
        f"{NAMES}::test_a_name_that_git_allows_and_text_tools_stumble_over_stops_nobody",
        f"{SIGNATURES}::test_a_name_outside_the_grammar_is_in_no_event",
    ),
    "hostile repository config: no program runs, nothing changes": (
        f"{PROGRAMS}::test_no_command_runs_what_a_repositorys_config_names",
        f"{PROGRAMS}::test_the_poison_works_on_stock_git",
        f"{PROGRAMS}::test_a_rewritten_url_leads_no_event_to_a_fork",
    ),
    "hostile environment: nothing changes": (f"{PROGRAMS}::test_no_command_obeys_gits_environment",),
    "dangerous URL: refused": (f"{PROGRAMS}::test_a_dangerous_url_is_no_home",),
    "NUL, CRLF, duplicate headers or keys, floats, other spellings: MALFORMED": (
        f"{TAGS}::test_an_event_in_the_next_slot",
        f"{SIGNATURES}::test_a_text_that_could_be_read_in_two_ways",
        f"{READERS}::test_deeply_nested_text_crashes_no_reader",
    ),
    "a hundred megabytes, a hundred thousand tags: bounded memory": (
        f"{FLOODS}::test_a_tag_of_a_hundred_megabytes_is_never_read",
        f"{FLOODS}::test_a_hundred_thousand_foreign_tags_cost_a_bounded_reader_little",
    ),
    "tagger date of 1970, 5138 or before 1970: order unchanged": (
        f"{SIGNATURES}::test_the_taggers_date_orders_nothing",
    ),
    "approver is the author, or two keys are one person's: refused": (
        f"{MERGES}::test_what_is_no_approval_is_not_released_and_nothing_is_written",
        f"{ATTESTED}::test_a_record_that_the_repository_does_not_bear_out",
        f"{POLICIES}::test_one_person_with_two_keys_is_one_person",
    ),
    "target off the protected branch, or removed by force: refused": (
        f"{MERGES}::test_a_merge_on_a_side_branch_approves_nothing",
        f"{MERGES}::test_a_rewritten_main_stops_the_log",
    ),
    "policy signed by the key that it adds: refused": (
        f"{POLICIES}::test_the_new_key_does_not_put_itself_in_force",
        f"{POLICIES}::test_a_merged_policy_gives_no_role_before_its_event",
    ),
    "rollback to what was never active, or is deprecated: refused": (
        f"{TAGS}::test_a_rollback_by_hand_goes_only_where_it_was_active",
        f"{TAGS}::test_what_was_deprecated_or_rolled_back_is_not_activated",
    ),
    "two clients push one slot: one wins, the other plans again": (
        "jobs.test_races::test_of_two_who_want_one_slot_the_second_takes_the_next_or_hears_why_not",
        f"{VOIDS}::test_junk_that_wins_a_race_against_a_writer_writes_nothing",
    ),
    "release and slot partly refused: nothing changes": (
        "repo.test_remote::test_partly_refused_push_changes_nothing",
        f"{NAMES}::test_a_squatted_release_name_burns_that_number_and_is_named",
    ),
    "crash between tag and push: nothing half done": (
        "jobs.test_crashes::test_whoever_is_killed_around_the_push_finishes_with_a_second_run",
        "registry.test_write::test_writers_leave_no_local_ref_that_the_remote_does_not_have",
    ),
    "file system without letter case or with another normal form: no two names collide": (
        "model.test_ids::test_no_name_of_one_kind_can_be_taken_for_another",
    ),
    "junk in the next slots: voided by recovery people, and by nobody else": (
        f"{VOIDS}::test_a_void_by_hand_of_junk_is_believed",
        f"{VOIDS}::test_only_recovery_people_void_by_hand",
        f"{VOIDS}::test_a_void_lists_every_slot_in_between_and_no_other",
        f"{VOIDS}::test_a_flood_of_junk_is_voided_at_once",
        f"{VOIDS}::test_a_signed_event_whose_name_belongs_to_another_is_junk",
    ),
    "void of an event, or of what replaced one: refused": (
        f"{VOIDS}::test_a_valid_event_is_not_voided",
        f"{VOIDS}::test_an_event_behind_a_removed_one_is_not_voided",
        f"{VOIDS}::test_whoever_saw_the_event_notices_its_void",
        f"{VOIDS}::test_a_sound_event_whose_name_was_damaged_is_not_junk",
    ),
    "attested approval that the repository does not bear out: refused": (
        f"{ATTESTED}::test_a_history_that_is_no_reviewed_merge",
        f"{ATTESTED}::test_owners_named_by_an_earlier_commit_of_the_request_approve_nothing",
        f"{ATTESTED}::test_a_request_that_was_pushed_to_main_hides_no_author",
        f"{ATTESTED}::test_an_approval_is_not_replayed_for_another_version",
    ),
    "approver's own co-signature proves, another's does not": (
        "jobs.test_attested::test_the_approvers_own_signature_makes_it_proven",
        "jobs.test_attested::test_somebody_elses_signature_does_not",
    ),
    "co-signature by a stranger, for something else, or used twice: counts for nothing": (
        f"{PENDING}::test_a_stranger_puts_no_words_into_an_event",
        f"{PENDING}::test_co_signatures_inside_an_event_hold_or_stop_the_log",
        f"{PENDING}::test_a_statement_is_not_used_twice",
    ),
    "ratification by the rollback's own signer, of something else, or twice: refused": (
        f"{CHECKPOINTS}::test_what_is_no_ratification",
        f"{CHECKPOINTS}::test_a_rollback_is_ratified_once",
    ),
    "time of the year 9999: readers go on, writers wait for a policy event that sets it right": (
        f"{CLOCK}::test_an_event_of_the_year_9999_stops_no_reader_and_holds_writers_up_until_the_key_ends",
        f"{CLOCK}::test_a_checkpoint_of_the_future_vouches_for_nothing",
        f"{CLOCK}::test_status_at_a_time_means_the_last_event_in_order_up_to_it_also_around_a_false_time",
    ),
    "branch renamed by a policy: the new one holds the whole log, the old one may go": (
        f"{BRANCH}::test_the_old_branch_may_go_after_a_rename",
        f"{BRANCH}::test_the_writer_refuses_a_branch_that_does_not_continue_the_old_one",
    ),
    "branch recommended by a planted tag: believed in nothing": (f"{BRANCH}::test_a_guess_is_believed_in_nothing",),
    "event behind a hole, signed without the role: junk": (f"{ALONE}::test_a_member_without_the_role_makes_no_gap",),
    "witness of an event that never was: refused at the gate": (
        f"{MEMORY}::test_a_proposal_that_names_an_event_which_never_was_does_not_pass_the_gate",
    ),
    "submodule, link, mode, folder, letters, octopus, crossed branches: judged by what is merged": (
        f"{SHAPES}::test_a_merge_of_any_other_shape_approves_nothing",
        f"{SHAPES}::test_branches_that_cross_each_other",
    ),
    "name below or above an event's name: voided, or named with its removal": (
        f"{BLOCKED}::test_a_name_below_the_next_slot_is_junk_in_it",
        f"{BLOCKED}::test_a_name_in_the_way_of_a_rollback_is_named_with_its_removal",
    ),
    "files inside .git that lie: not used, or noticed": (
        f"{LIES}::test_a_commit_graph_that_lies_changes_nothing",
        f"{LIES}::test_bytes_under_the_name_of_others_are_noticed",
        f"{LIES}::test_history_that_is_cut_off_while_it_is_read_hides_no_author",
    ),
    "the whole list of bad input, in every command that reads": (
        f"{INPUT}::test_bad_input_through_every_reading_command",
    ),
}
