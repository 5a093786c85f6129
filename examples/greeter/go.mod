module github.com/carrelhq/carrel/examples/greeter

go 1.26

require github.com/carrelhq/carrel/guests/go v0.0.0

replace github.com/carrelhq/carrel/guests/go => ../../guests/go
