"""bench/results.md from the measurements: medians with the smallest and the largest value."""
import os
import platform
import statistics
import time



def spread(values, digits=0):
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def of(results, part, **members):
    return [result for result in results
            if result["part"] == part and all(result.get(key) == value for key, value in members.items())]


def column(results, key):
    return [result[key] for result in results if result.get(key) is not None]


def median(results, key):
    values = column(results, key)
    return statistics.median(values) if values else None


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def burst_section(results):
    rows, noisy = [], []
    for peer in dict.fromkeys(result["peer"] for result in of(results, "burst")):
        runs = of(results, "burst", peer=peer)
        rows.append([peer, spread(column(runs, "accepted_per_s")), spread(column(runs, "delivered_per_s")),
                     spread(column(runs, "cpu_ms"), 3), spread(column(runs, "flushes"), 3), spread(column(runs, "p99_ms"), 1),
                     spread(column(runs, "peak_mib")), sum(column(runs, "lost")), sum(column(runs, "duplicates"))])
        noisy += [f"{peer} round {run['round'] + 1} ({run['other_percent']:.0f} %)" for run in runs if run["noisy"]]
    if not rows:
        return ""
    return ("## Accepted and delivered\n\n" + table(
        ["relay", "accepted/s", "accepted and delivered/s", "CPU ms a message", "flushes a message", "p99 of the 250, ms",
         "peak memory, MiB", "lost", "duplicated"], rows) + "\n" +
        ("Noisy rounds (CPU that other programs used): " + ", ".join(noisy) + ".\n" if noisy else "No noisy round.\n"))


def signed_section(results):
    runs = of(results, "signed")
    if not runs:
        return ""
    names = {("relevo", "rsa"): "relevo, RSA-2048", ("relevo", "both"): "relevo, RSA-2048 and Ed25519",
             ("postfix", "rsa"): "postfix with OpenDKIM, RSA-2048", ("floor", "rsa"): "floor, RSA-2048"}
    rows = []
    for peer, signing in dict.fromkeys((run["peer"], run["signing"]) for run in runs):
        chosen = of(runs, "signed", peer=peer, signing=signing)
        rows.append([names.get((peer, signing), peer), spread(column(chosen, "delivered_per_s")),
                     spread(column(chosen, "cpu_ms"), 3), spread(column(chosen, "p99_ms"), 1),
                     sum(column(chosen, "lost")), sum(column(chosen, "duplicates")), sum(column(chosen, "unsigned"))])
    noisy = [f"{names.get((run['peer'], run['signing']))} round {run['round'] + 1} ({run['other_percent']:.0f} %)"
             for run in runs if run["noisy"]]
    return "\n## Signed\n\n" + table(
        ["relay", "accepted and delivered/s", "CPU ms a message", "p99 of the 250, ms", "lost", "duplicated", "unsigned"], rows) + \
        "\n" + ("Noisy rounds: " + ", ".join(noisy) + ".\n" if noisy else "No noisy round.\n")


def latency_section(results):
    runs = of(results, "latency")
    if not runs:
        return ""
    return "\n## Time to the 250 at half the rate\n\n" + table(
        ["offered/s", "accepted/s", "p50 ms", "p99 ms", "largest ms", "to the destination, p99 ms"],
        [[runs[0]["rate"], spread(column(runs, "accepted_per_s")), spread(column(runs, "p50_ms"), 1),
          spread(column(runs, "p99_ms"), 1), spread(column(runs, "max_ms"), 1), spread(column(runs, "delivery_p99_ms"), 1)]])


def handshake_section(results):
    runs = of(results, "handshakes")
    if not runs:
        return ""
    return "\n## STARTTLS and AUTH for every message\n\n" + table(
        ["messages/s", "handshakes/s the machine can do (both sides, all processors)", "CPU ms a message"],
        [[spread(column(runs, "accepted_per_s")), spread(column(runs, "machine_per_s")), spread(column(runs, "cpu_ms"), 3)]])


def idle_section(results):
    runs = of(results, "idle")
    if not runs:
        return ""
    return "\n## Idle connections\n\n" + table(
        ["TLS", "held", "KiB each", "resident MiB in all", "still accepts mail"],
        [[run["tls"], run["held"], f"{run['kib_each']:.1f}", f"{run['rss_mib']:.0f}", "yes" if run["still_accepts"] else "NO"]
         for run in runs])


def queue_section(results):
    runs = of(results, "queue")
    if not runs:
        return ""
    return "\n## Waiting recipients, and a start with them\n\n" + table(
        ["recipients", "octets of memory each", "the same before the restart", "resident MiB", "CPU while nothing is due", "first 220, s",
         "first delivery of new mail, s", "time to fill, s"],
        [[f"{run['recipients']:,}", f"{run['octets_each']:.0f}" if run["recipients"] else "-",
          f"{run['octets_each_filled']:.0f}" if run["recipients"] else "-",
          f"{run['rss_waiting_mib']:.0f}", f"{run['idle_cpu_percent']:.1f} %", f"{run['seconds_to_220']:.2f}",
          f"{run['seconds_to_first_delivery']:.2f}", f"{run['fill_seconds']:.0f}"] for run in runs])


def profile_section(results):
    runs = of(results, "profile")
    if not runs:
        return ""
    run = runs[-1]
    return (f"\n## Where a message's CPU time goes\n\n{run['samples']:,} samples over {run['messages']:,} messages, "
            f"{run['cpu_ms']:.3f} ms each.\n\n" + table(
                ["stage", "share", "of which in the kernel"],
                [[stage, f"{share:.1%}", f"{kernel:.1%}"] for stage, share, kernel in run["stages"]]))


def verdict(value, required, below=False):
    return "-" if value is None else "yes" if (value <= required if below else value >= required) else "**no**"


def ratio(above, below):
    return above / below if above is not None and below else None


def goals_section(results):
    relevo, postfix, floor = (of(results, "burst", peer=peer) for peer in ("relevo", "postfix", "floor"))
    hands, queues = of(results, "handshakes"), [run for run in of(results, "queue") if run["recipients"] >= 1_000_000]
    rows = []

    def row(goal, figure, required, value, below=False, form="{:.2f}"):
        if value is not None:
            bound = ("≤ " if below else "≥ ") + f"{required:g}"
            rows.append([goal, figure, bound, form.format(value), verdict(value, required, below)])

    row("P1", "delivered/s against Postfix, times", 10, ratio(median(relevo, "delivered_per_s"), median(postfix, "delivered_per_s")))
    rsa, both, opendkim, signing_floor = (of(results, "signed", peer=peer, signing=signing) for peer, signing in
                                          (("relevo", "rsa"), ("relevo", "both"), ("postfix", "rsa"), ("floor", "rsa")))
    row("P2", "RSA-signed, delivered/s against Postfix and OpenDKIM, times", 8,
        ratio(median(rsa, "delivered_per_s"), median(opendkim, "delivered_per_s")))
    row("P2", "the same with RSA and Ed25519, times", 6,
        ratio(median(both, "delivered_per_s"), median(opendkim, "delivered_per_s")))
    row("P3", "CPU a message against Postfix", 0.125, ratio(median(relevo, "cpu_ms"), median(postfix, "cpu_ms")), True, "{:.3f}")
    row("P3", "RSA-signed, CPU a message against Postfix and OpenDKIM", 1 / 6,
        ratio(median(rsa, "cpu_ms"), median(opendkim, "cpu_ms")), True, "{:.3f}")
    row("P4", "CPU a message against the floor, times", 2, ratio(median(relevo, "cpu_ms"), median(floor, "cpu_ms")), True)
    row("P4", "RSA-signed, CPU a message against the signing floor, times", 1.25,
        ratio(median(rsa, "cpu_ms"), median(signing_floor, "cpu_ms")), True)
    row("P5", "handshakes/s against the machine's", 0.8, ratio(median(hands, "accepted_per_s"), median(hands, "machine_per_s")))
    row("P6", "p99 of the 250 at half the rate, ms", 20, median(of(results, "latency"), "p99_ms"), True, "{:.1f}")
    row("P6", "p99 of the 250 at the full rate, ms", 60, median(relevo, "p99_ms"), True, "{:.1f}")
    row("P7", "KiB an idle connection", 10, median(of(results, "idle", tls="none"), "kib_each"), True, "{:.1f}")
    row("P7", "KiB an idle connection with TLS", 40, median(of(results, "idle", tls="starttls"), "kib_each"), True, "{:.1f}")
    row("P8", "octets a waiting recipient", 300, median(queues, "octets_each_filled"), True, "{:.0f}")
    row("P9", "seconds to the first 220 with 1,000,000 waiting", 5, median(queues, "seconds_to_220"), True)
    return "## Goals\n\n" + table(["goal", "figure", "required", "measured", "reached"], rows) + "\n" if rows else ""


def render(results, versions, options):
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    head = (f"# Bench results\n\nCommit {versions.get('commit')}, {time.strftime('%Y-%m-%d')}; Postfix {versions.get('postfix', '-')}. "
            f"{os.cpu_count()} processors, {memory:.0f} GiB, Linux {platform.release()}; loader, relay and sink share them. "
            f"10 KB messages, one recipient, 20 persistent sessions in lock-step, no TLS; median of {options.rounds} alternating rounds "
            f"(smallest-largest), {'normal' if options.shared else 'real-time'} scheduling. All three sync to disk before the 250 and write their logs. The floor program does the least that "
            "the job contains (bench/floor.cc). Made by `bench/run`.\n\n")
    return head + goals_section(results) + burst_section(results) + signed_section(results) + latency_section(results) + handshake_section(results) + \
        idle_section(results) + queue_section(results) + profile_section(results)
