module github.com/carrelhq/carrel/guests/go

go 1.26
