module github.com/carrelhq/carrel/internal/bench/guests/json

go 1.26

require github.com/carrelhq/carrel/guests/go v0.0.0

replace github.com/carrelhq/carrel/guests/go => ../../../../guests/go
