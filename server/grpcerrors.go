package server

import (
	"context"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// status is err as a gRPC status, nil for nil. Section 10.6.
func (g *grpcBinding) status(ctx context.Context, err error) error {
	if _, already := status.FromError(err); already {
		return err
	}
	w, known := onWire(err)
	if !known {
		if cause := context.Cause(ctx); cause != nil { // why the client gets no answer
			if w, known = onWire(cause); !known {
				return status.FromContextError(ctx.Err()).Err()
			}
			return statusOf(w, cause)
		}
		g.opts.Logger.Error("call failed", "error", err)
	}
	return statusOf(w, err)
}

func statusOf(w wire, err error) error {
	s := status.New(codeNamed(w.status), w.text(err))
	var list []protoadapt.MessageV1
	for _, d := range details(w, err) {
		list = append(list, d.proto())
	}
	if w.retry() {
		list = append(list, &errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	if detailed, err := s.WithDetails(list...); err == nil {
		s = detailed
	}
	return s.Err()
}

// proto is the detail as its google.rpc message.
func (d detail) proto() protoadapt.MessageV1 {
	if d.Violations == nil {
		return &errdetails.ErrorInfo{Reason: d.Reason, Domain: d.Domain, Metadata: d.Metadata}
	}
	bad := &errdetails.BadRequest{}
	for _, v := range d.Violations {
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Description})
	}
	return bad
}

// codeNamed is the status code of a name; what has none is internal.
func codeNamed(name string) codes.Code {
	var c codes.Code
	if c.UnmarshalJSON([]byte(strconv.Quote(name))) != nil {
		return codes.Internal
	}
	return c
}

// retry reports whether the same request may do better in a while.
func (w wire) retry() bool { return w.http == 429 || w.http == 503 }
