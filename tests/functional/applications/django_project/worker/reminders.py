"""What a reminder is."""


def reminder_sent(number: int) -> dict[str, object]:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"reminder-{number}",
        "userId": "u1",
        "channel": "client",
        "properties": {"orderId": f"reminded-{number}", "total": 5},
    }
