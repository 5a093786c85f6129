module github.com/carrelhq/carrel/internal/clients/agent

go 1.26

require github.com/carrelhq/carrel/guests/go v0.0.0

replace github.com/carrelhq/carrel/guests/go => ../../../guests/go
