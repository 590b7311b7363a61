/* notify.h - telling the service manager: sd_notify's one-datagram protocol.
 * Nothing happens where NOTIFY_SOCKET is not set. */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

/* Send `state` ("READY=1", "STOPPING=1", "STATUS=..."; lines). A message that
 * cannot be sent is dropped: nobody waits for it but the service manager,
 * whose own timeout then says so. */
void notify_send(const char *state);

#endif
