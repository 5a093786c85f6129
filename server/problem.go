package server

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/carrelhq/carrel/abi"
	"github.com/carrelhq/carrel/task"
)

// problem is the error body of the admin API (RFC 9457). One that refuses an
// upload also says which rule was broken and what to do.
type problem struct {
	huma.ErrorModel
	Rule    string `json:"rule,omitempty" doc:"The rule that an uploaded module breaks"`
	Problem string `json:"problem,omitempty" doc:"What is wrong with the module, and where"`
	Advice  string `json:"advice,omitempty" doc:"What to do about it"`
}

func newProblem(w wire, err error) *problem {
	p := &problem{ErrorModel: huma.ErrorModel{Status: w.http, Title: http.StatusText(w.http), Detail: w.text(err)}}
	for _, f := range task.Fields(err) {
		p.Errors = append(p.Errors, &huma.ErrorDetail{Location: f.Field, Message: f.Problem})
	}
	var r *abi.Refusal
	if errors.As(err, &r) {
		p.Detail = r.Error()
		p.Rule, p.Problem, p.Advice = r.Rule, r.Problem, r.Advice
	}
	return p
}
