//! What a command is: stub, built in the table.
