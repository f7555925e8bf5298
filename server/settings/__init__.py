"""The settings of the server: one typed tree, each field with a default and a sentence.

Where a value comes from, later wins:

    the default  <  the TOML file (`--config FILE`)  <  the environment (`PARLEY_LIMITS_LINE`)  <  flags

To add a setting, add a field to the group that it belongs to. Help text, example file, names of environment variables and checks
are made from these classes, which are the only list of settings there is:

    tree       the name of the server, its log, and all groups; what the loader makes of them
    network    listen, websocket, tls, workers, deadlines
    storage    store, retention, retention_rooms, resend
    people     accounts, cloak, operators, operator_classes
    limits     limits, rates

    declare    what a setting is: `setting`, Address, SettingsError
    values     from text and from TOML to values, and what is allowed
    checks     what no field can tell alone
    flags      the command line and its help
    example    all settings as a commented TOML file
    read       the file, the environment and the flags: `load`
"""
