# A static carrel in an image with nothing else.
#   docker build -t carrel . && docker run -p 7333:7333 -v carrel-data:/data carrel
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /carrel ./cmd/carrel && mkdir /empty

FROM scratch
COPY --from=build /carrel /carrel
COPY --from=build --chown=65532:65532 --chmod=700 /empty /data
USER 65532:65532
VOLUME /data
EXPOSE 7333
ENTRYPOINT ["/carrel"]
CMD ["serve", "--addr", "0.0.0.0:7333", "--data", "/data"]
