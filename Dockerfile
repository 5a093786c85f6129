# A static carrel in an image with nothing else.
#   docker build -t carrel . && docker run -p 7333:7333 -p 7334:7334 -v carrel-data:/data carrel
FROM golang:1.26 AS build
ARG VERSION=
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build ${VERSION:+VERSION=$VERSION} && mkdir /empty

FROM scratch
# Certificates for what carrel itself calls over TLS, a trace collector for example.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/carrel /carrel
COPY --from=build --chown=65532:65532 --chmod=700 /empty /data
COPY --from=build --chown=65532:65532 --chmod=700 /empty /tmp
USER 65532:65532
VOLUME /data
EXPOSE 7333 7334
ENTRYPOINT ["/carrel"]
CMD ["serve", "--addr", "0.0.0.0:7333", "--grpc-addr", "0.0.0.0:7334", "--data", "/data"]
