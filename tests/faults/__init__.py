"""What may break on the way, broken on purpose: processes killed, connections cut off, providers that fail.

All parts are real: oTree servers, runners, scripts, HTTP. By default each fault is tried often enough to notice that
something is amiss. OTREE_BOTEX_FAULTS=full (`make faults`) tries it as often as it takes to rely on it: sessions killed
at each of eight points, 25 times each, started by scripts and from the admin; 200 replies to forms cut off. That takes
about half an hour.
"""
