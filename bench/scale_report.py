NAME = "scale"


def line_of(r):
    return f"{r['hosts']} {r['config']}: {r['seconds']:.1f} s, {r['in_flight']} in flight, cpu {sum(r['cpu'].values()):.1f} ms ({', '.join(f'{k} {v:.1f}' for k, v in r['cpu'].items())}), st {r['statements']:.1f} in {r['milliseconds']:.1f} ms, msg {r['messages']:.2f}, cmds {r['commands']:.0f}, adv {r['advances']} p50 {r['advance'][50]:.1f} p99 {r['advance'][99]:.1f} max {r['advance'][100]:.1f}; plan max {r['plan'][100]:.2f}; mem {', '.join(f'{k} {v / 1e6:.0f}' for k, v in r['memory'].items())}; others {r['others']:.2f}"


def goals_of(r):
    return []


def load():
    return {}


def save(f):
    pass


def table_of(r):
    return ""
