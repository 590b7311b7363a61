/* header.h - what stands in front of every request and response.
 *
 *   request v1:   api key i16, api version i16, correlation id i32,
 *                 client id (i16 length, nullable)
 *   request v2:   the same, client id still with its classic length, and tags
 *   response v0:  correlation id i32
 *   response v1:  the same, and tags
 *
 * Flexible versions of an API have the later header of each kind (KIP-482),
 * except that an ApiVersions response has header v0 in every version, because
 * its reader does not know yet what the other side speaks (KIP-511).
 *
 * Thread: any. The frame's length in front of the header is net's business,
 * except in wire_frame_*(), which write it too.
 */
#ifndef WIRE_HEADER_H
#define WIRE_HEADER_H

#include "wire/message.h"

struct wire_request_header {
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;
    struct slice client_id; /* NULL data: null */
};

/* The header version (1, 2) of a request, and (0, 1) of a response. */
int wire_request_header_version(const struct wire_message *m, int version);
int wire_response_header_version(const struct wire_message *m, int version);

/* Read a request's header. `ret_request` gets the table of the request that
 * follows; `out` borrows the cursor's bytes.
 *
 * With ERR_UNSUPPORTED and ERR_VERSION `out` is filled all the same, so that
 * the caller can say who asked for what, and answer ApiVersions as v0; what
 * the cursor stands at then has no meaning. `*ret_request` is set with
 * ERR_VERSION.
 *
 * Errors:
 *   ERR_PROTOCOL     malformed
 *   ERR_UNSUPPORTED  an API without a table
 *   ERR_VERSION      a version the table does not have
 */
int wire_request_header_decode(struct cursor *c,
                               struct wire_request_header *out,
                               const struct wire_message **ret_request);

/* Append a request's header. Errors: ERR_TOOBIG (client id), the buffer's. */
int wire_request_header_encode(const struct wire_message *m,
                               const struct wire_request_header *h,
                               struct buf *b);

/* Read the header of a response to a request of `m`'s API in `version`.
 * Errors: ERR_PROTOCOL. */
int wire_response_header_decode(const struct wire_message *m, int version,
                                struct cursor *c, int32_t *ret_correlation_id);

/* Append a response's header. Errors: the buffer's. */
int wire_response_header_encode(const struct wire_message *m, int version,
                                int32_t correlation_id, struct buf *b);

/* Append a whole frame: length, header, request. `h` says which version.
 * Errors: as wire_encode(); the buffer is as before then, but for a sticky
 * status. */
int wire_frame_request(const struct wire_message *m,
                       const struct wire_request_header *h, const void *msg,
                       struct buf *b);

/* Append a whole frame: length, header, response. Errors: as wire_encode();
 * the buffer is as before then, but for a sticky status. */
int wire_frame_response(const struct wire_message *m, int version,
                        int32_t correlation_id, const void *msg, struct buf *b);

/* The same in pieces, for records that are not to be copied (see
 * wire_encode_pieces()). `small` must be empty: the pieces are the frame. */
int wire_frame_response_pieces(const struct wire_message *m, int version,
                               int32_t correlation_id, const void *msg,
                               struct buf *small, size_t borrow_min,
                               struct wire_piece *pieces, unsigned pieces_max,
                               unsigned *ret_n);

#endif
