def test_it(typed):
    print(typed.ask("int4", ["1", None]))
    from postgres.typed import types
    for n in types():
        print(n, typed.ask(n, [None]))
    print(typed.error("date","20000-01-01"))
