// Made by `./crm manage docs` from the consumers' models. Edit those, not this.
//
//   const socket = new WebSocket(`wss://${host}/ws/notifications/`, ["bearer", token]);
//   const send = (message: Sockets["/ws/notifications/"]["up"]) => socket.send(JSON.stringify(message));
//   socket.onmessage = (event) => {
//     const message: Sockets["/ws/notifications/"]["down"] = JSON.parse(event.data);
//     if (message.type === "notification") show(message.notification);
//   };

/** Log in by the first message, or renew the login before its token expires. */
export interface Authenticate {
  type: "authenticate";
  /** An access token. */
  token: string;
}

/** The login is good; `last_seq` is the number of the latest notification. */
export interface Connected {
  type: "connected";
  user_id: number;
  /** A number among the notifications of the user. */
  last_seq: number;
}

/** Ask for `unread_count`. */
export interface GetUnreadCount {
  type: "get_unread_count";
}

/** Say that the client is there; send one at least every 90 seconds. */
export interface Heartbeat {
  type: "heartbeat";
}

/** The answer to `heartbeat`. */
export interface HeartbeatResponse {
  type: "heartbeat_response";
}

/** Mark notifications read; `notification_read` goes to all sockets of the user. */
export interface MarkRead {
  type: "mark_read";
  ids: Array<number>;
}

/** A notification, as `GET /api/users/notifications/{id}/` gives it. */
export interface NotificationBody {
  id: number;
  /** A number among the notifications of the user. */
  seq: number;
  notification_type: NotificationType;
  notification_type_display: string;
  event_type: string;
  title: string;
  body: string;
  application_id: number | null;
  subject_type: string;
  subject_id: number;
  is_read: boolean;
  read_at: string | null;
  created_at: string;
}

/** A notification, live or as replay after `resume`. */
export interface NotificationMessage {
  type: "notification";
  /** A number among the notifications of the user. */
  seq: number;
  notification: NotificationBody;
}

/** Some were read, here or elsewhere. */
export interface NotificationRead {
  type: "notification_read";
  ids: Array<number>;
}

/** What a notification is about; preferences are set per type. */
export type NotificationType = "application_status" | "repayment_upcoming" | "repayment_overdue" | "note_reminder" | "document_uploaded" | "signature_required" | "system" | "message" | "lead_assigned" | "appointment_reminder";

/** Whether a watched user is there: after `watching`, and whenever it changes. */
export interface PresenceChanged {
  type: "presence";
  user_id: number;
  status: PresenceStatus;
  /** UTC; while offline only, null for never. */
  last_seen_at: string | null;
}

/** The login is good. */
export interface PresenceConnected {
  type: "connected";
  user_id: number;
}

/** Whether somebody is there at this moment. */
export type PresenceStatus = "online" | "away" | "offline";

/** Ask for everything after a number that this socket has not been sent. */
export interface Resume {
  type: "resume";
  /** A number among the notifications of the user. */
  last_seq: number;
}

/** Say that the person at this login is away, or back; counts for all sockets of the login. */
export interface SetPresence {
  type: "status";
  status: "online" | "away";
}

/** A message could not be taken; the socket stays open. */
export interface SocketError {
  type: "error";
  /** `malformed`, `unknown_type`, `invalid`, `too_large`, or one of the socket's own. */
  code: string;
  detail: string;
}

/** How many are unread: after `connected`, on request, and whenever it changes. */
export interface UnreadCount {
  type: "unread_count";
  count: number;
}

/** Watch these users instead of those before. Whom one may not see is left out. */
export interface WatchPresence {
  type: "watch";
  ids: Array<number>;
}

/** The users that are watched from now on: after `watch`, and when one may not be seen any more. */
export interface Watching {
  type: "watching";
  ids: Array<number>;
}

/** What is said at each address: `up` to the server, `down` to the client. */
export interface Sockets {
  "/ws/notifications/": {
    up: Authenticate | GetUnreadCount | Heartbeat | MarkRead | Resume;
    down: Connected | HeartbeatResponse | NotificationMessage | NotificationRead | SocketError | UnreadCount;
  };
  "/ws/notifications/{user_id}/": {
    up: Authenticate | GetUnreadCount | Heartbeat | MarkRead | Resume;
    down: Connected | HeartbeatResponse | NotificationMessage | NotificationRead | SocketError | UnreadCount;
  };
  "/ws/presence/": {
    up: Authenticate | Heartbeat | SetPresence | WatchPresence;
    down: HeartbeatResponse | PresenceChanged | PresenceConnected | SocketError | Watching;
  };
}

/** With which the server closes a socket, besides 1000. */
export type CloseCode =
  /** A message of more than 1 MiB. */
  | 1009
  /** The server restarts; connect again. */
  | 1012
  /** No token in time, a bad or expired one, or the session or account has ended. */
  | 4401
  /** Not your address, or a token of somebody else. */
  | 4403
  /** No message for 90 seconds. */
  | 4408
  /** More than 60 messages in 10 seconds. */
  | 4429;
